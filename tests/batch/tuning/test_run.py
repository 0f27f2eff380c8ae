"""What is done in which part of the time, with trainings that only pretend."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blobs import BOX_PX, blob_sample
from napari_deepem.batch.tuning.files import open_study
from napari_deepem.batch.tuning.run import Tuned, Tuning
from napari_deepem.batch.tuning.study import Study
from napari_deepem.batch.tuning.trainings import (
    Outcome,
    Split,
    TrialDone,
    TrialEpoch,
    held_out_of,
    train_and_evaluate,
)
from napari_deepem.batch.tuning.trial_table import table_paths
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import EpochDone, finish
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.dataset import Field, prepare_fields
from napari_deepem.core.training.field_picks import evaluate_held_out
from napari_deepem.core.training.recipes import MODERN
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.variants import Variant
from napari_deepem.core.types import Labels
from napari_deepem.io.models import load_model, save_model

SETTINGS = TrainingSettings(BOX_PX, epochs=4, start="chance")
SECONDS = 20.0  # of a training with the default's number of maps
Quality = Callable[[TrainingSettings], float]


def relative_rate(settings: TrainingSettings) -> float:
    """The logarithm of how far the learning rate is from the default's."""
    return float(np.log(settings.recipe.learning_rate / SETTINGS.recipe.learning_rate))


class Pretence:
    """Trains nothing: time passes, and the quality of the settings shows through some noise."""

    def __init__(self, quality: Quality, noise: float = 0.0) -> None:
        self.now = 0.0
        self.trained: list[tuple[TrainingSettings, list[str], bool]] = []
        self._quality = quality
        self._noise = noise

    def clock(self) -> float:
        return self.now

    def train(
        self, fields: Sequence[Field], settings: TrainingSettings, unseen: Sequence[Field]
    ) -> Generator[EpochDone, None, Outcome]:
        self.trained.append((settings, [field.name for field in fields], bool(unseen)))
        speed = settings.architecture.maps[0] / SETTINGS.architecture.maps[0]
        for epoch in range(1, 5):
            self.now += speed * SECONDS / 5
            yield EpochDone(epoch, 4, 0.1, 0.1, self._quality(settings))
        self.now += speed * SECONDS / 5
        luck = np.random.default_rng(len(self.trained)).normal(0.0, self._noise, 2)
        ap = self._quality(settings) + luck
        model = Model(
            Network(settings.architecture), settings.recipe.name, 24, Sampling(1), None, 0.5, (0, 1)
        )
        return Outcome(model, float(ap[0]), float(ap[1]) if unseen else None)


def fields_of(*seeds: int) -> list[Field]:
    return prepare_fields(*blob_sample(*seeds), BOX_PX, Sampling(1))


SOME = fields_of(1, 2, 3)
MANY = fields_of(1, 2, 3, 4, 5, 6)


def tune(
    path: Path,
    pretence: Pretence,
    minutes: float,
    fields: Sequence[Field] = SOME,
    settings: TrainingSettings = SETTINGS,
    stop_after: int | None = None,
) -> tuple[Tuned | None, list[Any]]:
    """What came of it, and everything that was told; None if it was stopped."""
    study = open_study(path, fields, settings)
    ends = pretence.now + 60 * minutes
    job = Tuning(fields, settings, study, ends, trainer=pretence.train, clock=pretence.clock).run()
    told: list[Any] = []
    while stop_after is None or len(told) < stop_after:
        try:
            told.append(next(job))
        except StopIteration as end:
            return end.value, told
    job.close()
    return None, told


def default_is_best(settings: TrainingSettings) -> float:
    return 0.9 - 0.1 * abs(relative_rate(settings))


def higher_rates_are_better(settings: TrainingSettings) -> float:
    return 0.8 + 0.05 * relative_rate(settings)


def all_are_equal(settings: TrainingSettings) -> float:
    return 0.8


def finished(study: Study) -> list[float]:
    return [trial.ap for trial in study.trials if trial.ap is not None]


@pytest.mark.parametrize(
    ("quality", "noise"),
    [(default_is_best, 0.0), (default_is_best, 0.02), (all_are_equal, 0.0), (all_are_equal, 0.02)],
)
def test_default_is_kept_where_nothing_is_better(
    tmp_path: Path, quality: Quality, noise: float
) -> None:
    tuned, _ = tune(tmp_path / "study", Pretence(quality, noise), minutes=6)
    assert tuned is not None
    assert len(tuned.rows) > 3
    assert tuned.choice.chosen.number == 0
    assert tuned.model.recipe == "modern"
    assert tuned.model.network.architecture == SETTINGS.architecture
    assert tuned.text.startswith("the default stays: ")


@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_better_variant_is_found_and_beats_the_default_in_pairs(
    tmp_path: Path, noise: float
) -> None:
    pretence = Pretence(higher_rates_are_better, noise)
    tuned, _ = tune(tmp_path / "study", pretence, minutes=8)
    assert tuned is not None
    choice = tuned.choice
    assert choice.chosen.number > 0
    assert choice.chosen.variant.learning_rate > 1.5
    assert choice.ap - choice.default_ap == pytest.approx(choice.gain.mean)
    assert choice.gain.mean > choice.gain.noise
    assert tuned.model.recipe == "modern, tuned"
    repeated = [settings for settings, *_ in pretence.trained if settings.seed > 0]
    rates = {seed: [s.recipe.learning_rate for s in repeated if s.seed == seed] for seed in (1, 2)}
    assert rates[1] == rates[2]  # the default and its rivals, in pairs of the same seed
    assert rates[1][0] == SETTINGS.recipe.learning_rate
    assert f"trial {choice.chosen.number} is chosen" in tuned.text
    assert "expect less on others" in tuned.text


@pytest.mark.parametrize(
    ("minutes", "fields"), [(1, SOME), (1.5, MANY), (3, SOME), (3, MANY), (8, MANY)]
)
def test_time_is_kept(tmp_path: Path, minutes: float, fields: Sequence[Field]) -> None:
    pretence = Pretence(higher_rates_are_better, 0.01)
    tune(tmp_path / "study", pretence, minutes, fields)
    assert pretence.now <= 1.02 * 60 * minutes


def test_default_is_trained_however_short_the_time(tmp_path: Path) -> None:
    pretence = Pretence(higher_rates_are_better)
    tuned, told = tune(tmp_path / "study", pretence, minutes=0.01, fields=MANY)
    assert tuned is not None
    assert [len(names) for _, names, _ in pretence.trained] == [5]
    assert tuned.choice.chosen.number == 0
    assert [news.ap for news in told if isinstance(news, TrialDone)] == [0.8]


def test_search_never_sees_a_fifth_of_five_micrographs_or_more(tmp_path: Path) -> None:
    pretence = Pretence(higher_rates_are_better)
    tuned, told = tune(tmp_path / "study", pretence, minutes=8, fields=MANY)
    assert tuned is not None
    split = next(news for news in told if isinstance(news, Split))
    assert len(split.unseen) == 1
    assert sorted(split.searched + split.unseen) == [f"blobs_{n}" for n in range(1, 7)]
    *tried, last = [names for _, names, _ in pretence.trained]
    assert all(names == split.searched for names in tried)
    assert len(last) == 6  # the model itself is trained on all
    looked = {(s.seed > 0 or s == SETTINGS) for s, _, unseen in pretence.trained[:-1] if unseen}
    assert looked == {True}  # only what is not chosen from: the default and the repeats
    assert tuned.choice.unseen_ap is not None
    assert f"on {split.unseen[0]}, which the search never saw" in tuned.text
    figures = tuned.model.summary["tuning"]
    assert figures["unseen"] == split.unseen
    assert figures["trial"] == tuned.choice.chosen.number


def test_few_micrographs_are_all_searched(tmp_path: Path) -> None:
    tuned, _ = tune(tmp_path / "study", Pretence(default_is_best), minutes=2)
    assert tuned is not None
    assert tuned.split.unseen == []
    assert tuned.choice.unseen_ap is None


def test_study_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "study"
    pretence = Pretence(default_is_best)
    first, _ = tune(path, pretence, minutes=2)
    n_trained = len(pretence.trained)
    second, told = tune(path, pretence, minutes=2)
    assert first is not None
    assert second is not None
    assert len(second.rows) > len(first.rows)
    assert [row["AP"] for row in second.rows[: len(first.rows)]] == [r["AP"] for r in first.rows]
    again = pretence.trained[n_trained:]
    assert all(settings != SETTINGS for settings, *_ in again[:-1])  # the default is not repeated
    assert isinstance(told[0], Split)


def test_repeats_of_an_earlier_session_are_not_done_again(tmp_path: Path) -> None:
    path = tmp_path / "study"
    pretence = Pretence(higher_rates_are_better)
    tune(path, pretence, minutes=10)
    n_trained = len(pretence.trained)
    tuned, _ = tune(path, pretence, minutes=0.01)
    assert tuned is not None
    assert len(pretence.trained) == n_trained + 1  # the model
    assert tuned.choice.chosen.number > 0


@pytest.mark.parametrize("stop_after", [1, 3, 9, 23])
def test_interrupted_tuning_keeps_what_is_done(tmp_path: Path, stop_after: int) -> None:
    path = tmp_path / "study"
    pretence = Pretence(higher_rates_are_better)
    _, told = tune(path, pretence, minutes=10, stop_after=stop_after)
    done = [news.ap for news in told if isinstance(news, TrialDone) and "repeat" not in news.what]
    study = open_study(path, SOME, SETTINGS)
    assert finished(study) == [ap for ap in done if ap is not None]
    tuned, _ = tune(path, pretence, minutes=10)
    assert tuned is not None
    assert tuned.rows[0]["remark"] == "default"
    assert tuned.choice.chosen.number > 0
    assert "interrupted" not in [row["remark"] for row in tuned.rows]


def test_trials_that_are_among_the_worst_are_stopped_halfway(tmp_path: Path) -> None:
    _, told = tune(tmp_path / "study", Pretence(default_is_best), minutes=8)
    notes = [news.note for news in told if isinstance(news, TrialDone) and news.ap is None]
    assert "among the worst after epoch 2" in notes
    assert "among the worst after epoch 1" not in notes


def test_training_that_diverges_is_stopped_but_not_the_default(tmp_path: Path) -> None:
    class Diverging(Pretence):
        def train(self, *arguments: Any) -> Generator[EpochDone, None, Outcome]:
            job = super().train(*arguments)
            epoch = next(job)
            yield EpochDone(epoch.epoch, epoch.epochs, float("nan"), None, None)
            return (yield from job)

    tuned, told = tune(tmp_path / "study", Diverging(default_is_best), minutes=2)
    assert tuned is not None
    done = [news for news in told if isinstance(news, TrialDone)]
    assert done[0].ap is not None
    assert {news.note for news in done[1:]} == {"diverged in epoch 1"}


def test_variant_too_slow_for_the_time_left_is_stopped_after_an_epoch(tmp_path: Path) -> None:
    pretence = Pretence(default_is_best)
    _, told = tune(tmp_path / "study", pretence, minutes=1.7)
    (slow,) = [news for news in told if isinstance(news, TrialDone) and news.what == "trial 1"]
    assert slow.note == "no time left for it"  # 30 s, of 28 s left for the search
    epochs = [n for n in told if isinstance(n, TrialEpoch) and n.what == "trial 1"]
    assert len(epochs) == 1


def test_table_tells_every_trial(tmp_path: Path) -> None:
    path = tmp_path / "study.jsonl"
    tuned, told = tune(path, Pretence(higher_rates_are_better), minutes=10, fields=MANY)
    assert tuned is not None
    as_csv, as_markdown = table_paths(path)
    assert (as_csv.name, as_markdown.name) == ("study-trials.csv", "study-trials.md")
    with as_csv.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == tuned.rows
    tried = {news.what.split(",")[0] for news in told if isinstance(news, TrialDone)}
    assert {f"trial {row['trial']}" for row in rows} == tried
    assert rows[0]["kernels"] == "/".join(map(str, SETTINGS.architecture.kernels))
    assert rows[0]["AP"] == "0.8000"
    assert rows[0]["repeated"].startswith("0.8000 +- 0.0000 (")
    (chosen,) = [row for row in rows if "chosen" in row["remark"]]
    assert chosen["trial"] == str(tuned.choice.chosen.number)
    lines = as_markdown.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"| {' | '.join(rows[0])} |"
    assert lines[2:][: len(rows)] == [f"| {' | '.join(row.values())} |" for row in rows]


def test_too_few_labels_to_judge_by_are_refused(tmp_path: Path) -> None:
    micrographs, labels = blob_sample(1)
    few = [Labels.of(labels[0].positive_yx[:5])]
    fields = prepare_fields(micrographs, few, BOX_PX, Sampling(1))
    with pytest.raises(InputError, match=r"too few labels to hold some out.*second micro"):
        held_out_of(fields, SETTINGS)
    with pytest.raises(InputError, match="no particle is labelled"):
        held_out_of([], SETTINGS)


def test_model_of_a_variant_is_saved_with_its_recipe_and_loads(tmp_path: Path) -> None:
    quick = replace(MODERN, batches_per_epoch=2, batch_size=8, epochs=1)
    variant = Variant(2.0, (1.8, 1.0, 1.0), (0, 0, -1), 0.5, 2.0)
    settings = variant.applied_to(TrainingSettings(BOX_PX, own_recipe=quick))
    outcome = finish(train_and_evaluate(SOME, settings, MANY[5:]))
    assert 0 <= outcome.ap == outcome.model.summary["held_out_ap"]
    assert outcome.unseen_ap is not None
    loaded = load_model(save_model(outcome.model, tmp_path / "m"))
    assert loaded.recipe == "modern, tuned"
    assert loaded.network.architecture == settings.architecture
    assert loaded.summary["recipe"]["negatives_per_positive"] == 2.0


def test_partial_labels_are_judged_by_average_precision_too() -> None:
    quick = replace(MODERN, batches_per_epoch=2, batch_size=8, epochs=1)
    settings = TrainingSettings(BOX_PX, own_recipe=quick, labels_complete=False)
    outcome = finish(train_and_evaluate(SOME, settings, []))
    assert "held_out_ap" not in outcome.model.summary
    assert outcome.model.min_distance_px is None
    held_out = held_out_of(SOME, settings)
    smoothing = outcome.model.smoothing
    assert outcome.ap == evaluate_held_out(outcome.model.network, held_out, smoothing).ap > 0
