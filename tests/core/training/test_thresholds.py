"""The threshold that few labels can tell, of a network that knew particles before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit

from blobs import BOX_PX, blob_sample
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import thresholds
from napari_deepem.core.training.dataset import Field, prepare_fields
from napari_deepem.core.training.field_picks import FieldScores, ScoredModel, picks_of_fields
from napari_deepem.core.training.thresholds import threshold_of_few
from napari_deepem.core.types import FloatArray
from networks import lively_model, lively_network

START = lively_model(BOX_PX)  # its threshold is 0.6
TRAINED = lively_network(Architecture.for_box(BOX_PX), seed=1)
AFTER = FieldScores(TRAINED)


def fields_with(n_labels: int) -> list[Field]:
    """Two micrographs, as many particles labelled on each."""
    fields = prepare_fields(*blob_sample(1, 2), BOX_PX, Sampling(1))
    return [replace(field, positive_yx=field.positive_yx[:n_labels]) for field in fields]


def sorted_scores(model: Model, fields: list[Field]) -> FloatArray:
    """(n,) scores of all picks, the highest first."""
    candidates = ScoredModel.of(model).candidates_on(fields)
    scores = [picks.scores for picks in picks_of_fields(candidates, fields)]
    return np.sort(np.concatenate([each for each in scores if each is not None]))[::-1]


@pytest.mark.parametrize("start_threshold", [0.5, 0.55, 0.6])
def test_without_trust_in_labels_as_many_are_picked_as_the_start_picks(
    monkeypatch: pytest.MonkeyPatch, start_threshold: float
) -> None:
    monkeypatch.setattr(thresholds, "LABELS_WORTH_OF_DOUBT", 1e12)
    fields, start = fields_with(2), replace(START, threshold=start_threshold)
    n_before = int((sorted_scores(start, fields) >= start_threshold).sum())
    scores = sorted_scores(replace(START, network=TRAINED), fields)
    assert 1 < n_before < len(scores)
    assert threshold_of_few(AFTER, ScoredModel.of(start), fields) == pytest.approx(
        scores[n_before - 1]
    )


def test_start_that_picks_nothing_leaves_the_highest_score_and_one_that_picks_all_the_lowest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(thresholds, "LABELS_WORTH_OF_DOUBT", 1e12)
    fields = fields_with(2)
    scores = sorted_scores(replace(START, network=TRAINED), fields)
    none, every = (replace(START, threshold=value) for value in (1.0, 0.0))
    assert threshold_of_few(AFTER, ScoredModel.of(none), fields) == pytest.approx(scores[0])
    n_before = len(sorted_scores(START, fields))
    last = min(n_before, len(scores)) - 1
    assert threshold_of_few(AFTER, ScoredModel.of(every), fields) == pytest.approx(scores[last])


def test_ten_labels_count_as_much_as_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of both guesses, the halfway one in logits."""
    fields = fields_with(5)
    threshold = threshold_of_few(AFTER, ScoredModel.of(START), fields)
    guesses = []
    for doubt in (0, 1e12):
        monkeypatch.setattr(thresholds, "LABELS_WORTH_OF_DOUBT", doubt)
        guesses.append(threshold_of_few(AFTER, ScoredModel.of(START), fields))
    assert abs(logit(guesses[0]) - logit(guesses[1])) > 0.05
    assert logit(threshold) == pytest.approx(logit(guesses).mean())
