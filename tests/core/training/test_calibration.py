from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from blobs import BOX_PX, blob_sample
from napari_deepem.core.evaluation.metrics import Evaluation, HeldOutCurves, evaluate
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import select_picks
from napari_deepem.core.picking.precision_estimate import can_be_sure
from napari_deepem.core.picking.scoring import score_prepared
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import calibration, field_picks, thresholds
from napari_deepem.core.training.calibration import Calibration, calibrating, choose_smoothing
from napari_deepem.core.training.dataset import Field, cut_boxes, prepare_fields
from napari_deepem.core.training.field_picks import FieldScores, evaluate_held_out
from napari_deepem.core.training.labelled_particles import (
    STD_MARGIN,
    distance_of_labels,
    particle_std_range,
)
from napari_deepem.core.training.thresholds import best_threshold, f2_of_partial_labels
from napari_deepem.core.types import Picks, ScoreMap
from networks import lively_network

NETWORK = lively_network(Architecture.for_box(BOX_PX))


def test_range_of_standard_deviations_holds_all_labelled_particles() -> None:
    micrographs, labels = blob_sample(1, 2)
    fields = prepare_fields(micrographs, labels, BOX_PX, Sampling(1))
    low, high = particle_std_range(fields, BOX_PX)
    stds = [
        float(box.std())
        for field in fields
        for box in cut_boxes([field], [field.positive_yx], BOX_PX)
    ]
    assert len(stds) == 18
    assert low == pytest.approx(min(stds) / STD_MARGIN, rel=1e-5)
    assert high == pytest.approx(max(stds) * STD_MARGIN, rel=1e-5)


def test_held_out_part_is_judged_within_its_columns_alone() -> None:
    micrographs, labels = blob_sample(1)
    (whole,) = prepare_fields(micrographs, labels, BOX_PX, Sampling(1))
    part = whole.within(60.0, 120.0)
    picks = select_picks(
        find_candidates(finish(score_prepared(whole.prepared, NETWORK))), threshold=0.0
    )
    cols = picks.centres_yx[:, 1]
    result = evaluate_held_out(NETWORK, [part])
    assert result.n_picks == int(((cols >= 60) & (cols <= 120)).sum())
    assert 0 < result.n_picks < len(picks)
    assert result.n_truth == len(part.positive_yx) < len(whole.positive_yx)
    assert result.radius_px == BOX_PX / 4


def test_held_out_micrographs_are_pooled() -> None:
    micrographs, labels = blob_sample(1, 2)
    fields = prepare_fields(micrographs, labels, BOX_PX, Sampling(1))
    both = evaluate_held_out(NETWORK, fields)
    each = [evaluate_held_out(NETWORK, [field]) for field in fields]
    assert both.n_picks == sum(result.n_picks for result in each)
    assert both.n_truth == 18


def evaluation_of(scores: list[float], hits: list[bool], n_truth: int) -> Evaluation:
    """Picks 50 px apart in a row, the hits on particles; other particles far below."""
    centres = np.array([[0.0, 50.0 * i] for i in range(len(scores))])
    missed = [[900.0, 50.0 * i] for i in range(n_truth - sum(hits))]
    truth = np.concatenate([centres[hits], np.reshape(missed, (-1, 2))])
    return evaluate([Picks(centres, np.array(scores))], [truth], 5)


def test_micrograph_is_scored_once_for_all_of_its_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[int] = []

    def counted(image: np.ndarray, *arguments: Any, **options: Any) -> Any:
        scored.append(id(image))
        return score_prepared(image, *arguments, **options)

    monkeypatch.setattr(field_picks, "score_prepared", counted)
    first, second = prepare_fields(*blob_sample(1, 2), BOX_PX, Sampling(1))
    fields = [first, first.within(0, 50), second, first.within(60, 100)]
    scores = FieldScores(NETWORK)
    for smoothing in (0.0, 0.1):
        one, part, other, last = scores.candidates_on(fields, smoothing)
        np.testing.assert_array_equal(one.scores, part.scores)
        np.testing.assert_array_equal(one.scores, last.scores)
        assert one.scores.tolist() != other.scores.tolist()
    assert scored == [id(first.prepared), id(second.prepared)]


@pytest.mark.parametrize(("largest_error", "images"), [(1.0, 4), (0.01, 2)])
def test_negatives_are_scored_only_where_precision_may_be_told(
    monkeypatch: pytest.MonkeyPatch, largest_error: float, images: int
) -> None:
    scored: list[np.ndarray] = []

    def kept(image: np.ndarray, *arguments: Any, **options: Any) -> Any:
        scored.append(image)
        return score_prepared(image, *arguments, **options)

    monkeypatch.setattr(field_picks, "score_prepared", kept)
    monkeypatch.setattr(
        calibration, "can_be_sure", lambda learnt: can_be_sure(learnt, largest_error)
    )
    fields = prepare_fields(*blob_sample(1, 2), BOX_PX, Sampling(1))
    finish(calibrating(FieldScores(NETWORK), fields, labels_complete=True))
    assert len(scored) == images
    for image, field in zip(scored[2:], fields, strict=False):
        np.testing.assert_array_equal(image, -field.prepared)


def test_threshold_without_held_out_labels_is_where_a_sigmoid_is_undecided() -> None:
    assert finish(calibrating(FieldScores(NETWORK), [], True)) == Calibration(0.5, 0.0, {})


def test_threshold_without_hits_is_where_a_sigmoid_is_undecided() -> None:
    assert best_threshold(evaluation_of([0.9, 0.2], [False, False], 2), True) == 0.5


def test_threshold_is_halfway_in_logits_between_the_best_and_the_next_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(thresholds, "LABELS_WORTH_OF_DOUBT", 0)
    clear = evaluation_of([0.9, 0.1], [True, False], 1)
    assert best_threshold(clear, True) == pytest.approx(0.5)
    last = evaluation_of([0.9, 0.2], [True, True], 2)
    assert 0 < best_threshold(last, True) < 0.2


@given(st.lists(st.tuples(st.integers(1, 999), st.booleans()), min_size=1, max_size=12))
def test_threshold_picks_what_the_best_f2_picks(picks: list[tuple[int, bool]]) -> None:
    scores, hits = [score / 1000 for score, _ in picks], [hit for _, hit in picks]
    result = evaluation_of(scores, hits, n_truth=sum(hits) + 1)
    assume(any(hits))
    assert result.f2_threshold is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thresholds, "LABELS_WORTH_OF_DOUBT", 0)
        threshold = best_threshold(result, True)
    chosen = result.thresholds >= threshold
    np.testing.assert_array_equal(chosen, result.thresholds >= result.f2_threshold)


def test_few_labels_move_the_threshold_less_far_from_the_middle_than_many() -> None:
    few = best_threshold(evaluation_of([0.99, 0.9, 0.1, 0.1], [True] + 3 * [False], 1), True)
    many = best_threshold(
        evaluation_of([0.99] * 90 + [0.9] + [0.1] * 90, [True] * 90 + [False] * 91, 90), True
    )
    assert 0.7 < few < 0.9 < many < 0.99


def test_threshold_stays_between_scores_that_differ_little() -> None:
    result = evaluation_of([0.46] * 3 + [0.44] * 5, [True] * 3 + [False] * 5, 3)
    assert 0.44 < best_threshold(result, True) < 0.46


def test_partial_f2_is_f2_where_every_particle_has_a_label() -> None:
    complete = evaluation_of([0.9, 0.8, 0.7], [True, True, True], 3)
    np.testing.assert_allclose(f2_of_partial_labels(complete), complete.f2s)


@given(
    st.lists(st.tuples(st.integers(1, 999), st.booleans()), min_size=1, max_size=30),
    st.integers(0, 5),
)
def test_f2_of_partial_labels_is_a_share(picks: list[tuple[int, bool]], missed: int) -> None:
    """D.2: no picks and labels, however they are ranked, give more than 1."""
    scores, hits = [score / 1000 for score, _ in picks], [hit for _, hit in picks]
    f2s = f2_of_partial_labels(evaluation_of(scores, hits, n_truth=sum(hits) + missed))
    assert np.all((f2s >= 0) & (f2s <= 1))


def test_f2_of_partial_labels_is_near_the_truth() -> None:
    """D.2: of 300 particles, scored 0.5 to 1, every third is labelled; 100 others score less."""
    scores = np.concatenate([np.linspace(0.5, 1, 300), np.linspace(0.4, 0.7, 100)])
    is_particle = np.arange(400) < 300
    has_label = is_particle & (np.arange(400) % 3 == 0)
    truth = evaluation_of(list(scores), list(is_particle), 300)
    partial = evaluation_of(list(scores), list(has_label), 100)
    np.testing.assert_allclose(f2_of_partial_labels(partial), truth.f2s, atol=0.02)


def test_picks_without_a_label_do_not_raise_the_threshold_of_partial_labels() -> None:
    scores = list(np.linspace(0.95, 0.55, 40)) + list(np.linspace(0.2, 0.1, 40))
    hits = [index in (3, 12, 21, 30, 39) for index in range(80)]  # one in eight is labelled
    result = evaluation_of(scores, hits, n_truth=5)
    assert best_threshold(result, False) < 0.55
    assert f2_of_partial_labels(result).max() > 0.95
    assert result.f2 < 0.5


def test_average_precision_is_told_only_where_every_particle_has_a_label() -> None:
    micrographs, labels = blob_sample(1)
    fields = prepare_fields(micrographs, labels, BOX_PX, Sampling(1))
    complete = finish(calibrating(FieldScores(NETWORK), fields, labels_complete=True)).figures
    partial = finish(calibrating(FieldScores(NETWORK), fields, labels_complete=False)).figures
    assert set(complete) - set(partial) == {"held_out_ap", "held_out_f2"}
    assert "held_out_recall" in partial
    assert set(complete["held_out_curves"]) - set(partial["held_out_curves"]) == {"precision"}


@given(
    st.lists(st.tuples(st.integers(1, 999), st.booleans()), min_size=1, max_size=12), st.booleans()
)
def test_curves_of_a_summary_are_those_of_the_held_out_picks(
    picks: list[tuple[int, bool]], labels_complete: bool
) -> None:
    scores, hits = [score / 1000 for score, _ in picks], [hit for _, hit in picks]
    result = evaluation_of(scores, hits, n_truth=sum(hits) + 1)
    summary = {"held_out_curves": calibration._curves(result, labels_complete)}
    curves = HeldOutCurves.of_summary(json.loads(json.dumps(summary)))
    assert curves is not None
    assert (curves.precisions is not None) == labels_complete
    for index in (0, 3, 50, 99, 100):
        precision, recall = result.at(curves.thresholds[index])
        assert curves.recalls[index] == pytest.approx(recall, abs=1e-4)
        if curves.precisions is not None and recall > 0:
            assert curves.precisions[index] == pytest.approx(precision, abs=1e-4)
            f2 = 5 * precision * recall / (4 * precision + recall)
            assert curves.f2s[index] == pytest.approx(f2, abs=1e-4)
    assert len(json.dumps(summary)) < 3000


def test_model_of_an_older_version_has_no_curves() -> None:
    assert HeldOutCurves.of_summary({"held_out_recall": 0.9}) is None


def test_smoothing_is_used_where_it_finds_more_and_else_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ap_of = {0.0: 0.90, 0.05: 0.93, 0.1: 0.935, 0.2: 0.80}
    monkeypatch.setattr(calibration, "find_candidates", lambda score_map: score_map.smoothing)
    monkeypatch.setattr(
        calibration,
        "evaluate_fields",
        lambda found, fields: SimpleNamespace(ap=ap_of[found[0]], n_truth=fields[0]),
    )
    some_map = ScoreMap(np.zeros((3, 3)), np.zeros((3, 3)), 0.0, 4, 40)
    widths = tuple(ap_of)
    assert choose_smoothing([some_map], [10_000], widths) == 0.1  # 0.001 of doubt: the best
    assert choose_smoothing([some_map], [100], widths) == 0.05  # 0.01: the second is as good
    assert choose_smoothing([some_map], [4], widths) == 0.0  # 0.05: all may be chance
    assert choose_smoothing([], [], (0.0,)) == 0.0


def spaced(*rows: list[float]) -> list[Field]:
    """Fields with labels in a row, at these columns."""
    micrographs, labels = blob_sample(*range(1, len(rows) + 1))
    fields = prepare_fields(micrographs, labels, BOX_PX, Sampling(1))
    return [
        replace(field, positive_yx=np.array([[50.0, col] for col in cols]))
        for field, cols in zip(fields, rows, strict=True)
    ]


def test_picks_keep_a_distance_that_labelled_particles_keep() -> None:
    """E.6: doubles of a particle lie nearer than particles do."""
    apart = spaced([100.0 * i for i in range(10)], [140.0 * i for i in range(10)])
    assert distance_of_labels(apart, 150, 1.0) == pytest.approx(60.0)
    assert distance_of_labels(apart, 80, 1.0) == pytest.approx(32.0)  # 0.4 of the box
    assert distance_of_labels(apart, 300, 1.0) is None  # a quarter of the box is more


def test_few_labels_tell_no_distance() -> None:
    """E.6: of a crowd of which few are labelled, neighbours are not."""
    apart = spaced([100.0 * i for i in range(20)])
    assert distance_of_labels(apart, 150, 0.8) == pytest.approx(60.0)
    assert distance_of_labels(apart, 150, 0.5) is None
    assert distance_of_labels(spaced([0.0], [50.0]), 150, 1.0) is None
    assert distance_of_labels([], 150, 1.0) is None
