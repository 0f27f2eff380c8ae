from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from napari_deepem.batch.train import LabelledFiles
from napari_deepem.batch.tuning import Tuned, TuningProgress
from napari_deepem.batch.tuning.choice import Choice
from napari_deepem.batch.tuning.study import Trial
from napari_deepem.batch.tuning.trainings import Split, TrialDone, TrialEpoch
from napari_deepem.cli.tune import follow_tuning, print_tuned
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Architecture
from napari_deepem.core.training.recipes import MODERN
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import EpochDone
from napari_deepem.core.training.variants import Variant
from networks import random_network

SETTINGS = TrainingSettings(
    88,
    own_recipe=replace(MODERN, learning_rate=0.003, negatives_per_positive=1.5),
    own_architecture=Architecture(44, (5, 5, 3), (2, 2, 2), (6, 12, 12)),
)
MODEL = Model(random_network(Architecture.for_box(24)), "modern", 24, 1, None, 0.5, (0.7, 1.8))
CHOICE = Choice(Trial(0, Variant(), 0.8, 9.0), 1, None, None, None, (0,), 0.8, 0.8, 0.7, 0.7)
ROWS = [
    {"trial": str(number), "AP": ap, "remark": remark}
    for number, ap, remark in [(0, "0.8000", "chosen"), (1, "", "no time"), (2, "0.9000", "")]
]
TUNED = Tuned(MODEL, CHOICE, Split(["m1"], ["m2"]), ROWS, Path("tried.md"))


def tuning() -> Generator[LabelledFiles | TuningProgress, None, Tuned]:
    yield Split(["m1", "m2"], ["m3"])
    yield TrialEpoch("trial 0", EpochDone(3, 20, 0.25, None, None))
    yield TrialDone("trial 0", SETTINGS, 0.8, 11.6)
    yield TrialDone("trial 1", None, None, 0.0, "cells of 9 px do not fit")
    return TUNED


@pytest.mark.parametrize("terminal", [False, True])
def test_tuning_shows_every_training_in_a_line_and_epochs_in_the_bar(terminal: bool) -> None:
    shown = StringIO()
    console = Console(file=shown, force_terminal=terminal, width=150, highlight=False)
    assert follow_tuning(tuning(), console) is TUNED
    text = shown.getvalue()
    assert "the search never sees m3" in text
    assert "trial 0: maps 6/12/12, kernels 5/5/3, cells 2/2/2" in text
    assert "rate 0.003, negatives 1.5: average precision 0.8000 (12 s)" in text
    assert "trial 1: cells of 9 px do not fit (0 s)" in text
    assert ("3/20" in text) == terminal


def test_best_trials_are_shown_first_and_uncut_however_narrow_the_terminal() -> None:
    shown = StringIO()
    print_tuned(TUNED, Console(file=shown, width=12, highlight=False, soft_wrap=True))
    assert shown.getvalue().splitlines() == [
        "trial  AP      remark",
        "2      0.9000",
        "0      0.8000  chosen",
        "all 3 trials: tried.md",
        "the default stays: no trial did better",
        "average precision 0.8000 on held-out micrographs; 0.7000 on m2, which the search never saw"
        "; matched within 6 px",
    ]
