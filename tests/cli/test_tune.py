"""`napari-deepem tune`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from blobs import BOX_PX, blob_micrograph
from cli_runs import quick_training, run
from napari_deepem.batch.train import LabelledFiles
from napari_deepem.batch.tuning import Tuned, TuningProgress, trainings
from napari_deepem.batch.tuning.choice import Choice
from napari_deepem.batch.tuning.study import Trial
from napari_deepem.batch.tuning.trainings import Split, TrialDone, TrialEpoch
from napari_deepem.cli.tune import follow_tuning, print_tuned
from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.recipes import MODERN
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.variants import Variant
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image
from napari_deepem.io.models import load_model
from networks import random_network


@pytest.fixture(scope="module", autouse=True)
def quick_recipe() -> Iterator[None]:
    with quick_training(batches=8, batch_size=16, epochs=2):
        yield


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three micrographs and their coordinates."""
    folder = tmp_path_factory.mktemp("sample")
    for seed in (1, 2, 3):
        micrograph, centres = blob_micrograph(seed)
        write_image(folder / f"{micrograph.name}.mrc", micrograph.image, micrograph.pixel_size)
        write_coordinates(folder / f"{micrograph.name}.csv", Picks(centres))
    return folder


def tune(sample: Path, out: Path, *more: object, minutes: float = 0.01, box: int = BOX_PX) -> int:
    """Exit code of the command."""
    options = ("--coords", sample, "--box", box, "--minutes", minutes, "--out", out)
    return run("tune", sample, *options, *more)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tuning_writes_a_model_a_study_and_tables_and_tells_what_it_tried(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune(sample, tmp_path / "m.safetensors", minutes=0.05) == 0
    written = {path.name for path in tmp_path.iterdir()}
    study = {"m-study.jsonl", "m-study-trials.csv", "m-study-trials.md"}
    assert written == {"m.safetensors", *study}
    model = load_model(tmp_path / "m.safetensors")
    rows = rows_of(tmp_path / "m-study-trials.csv")
    (chosen,) = [row for row in rows if "chosen" in row["remark"]]
    assert model.summary["tuning"]["trial"] == int(chosen["trial"])
    assert "/".join(map(str, model.network.architecture.kernels)) == chosen["kernels"]
    told = capsys.readouterr()
    assert told.out == ""
    assert "27 particles on 3 micrographs" in told.err
    assert f"trial 0: maps {rows[0]['maps']}, kernels {rows[0]['kernels']}, cells" in told.err
    assert "wrote" in told.err
    (heading,) = [line for line in told.err.splitlines() if line.startswith("trial  maps")]
    assert heading.split() == list(rows[0])
    assert "matched within 6 px" in told.err.splitlines()[-1]


def test_same_command_goes_on_with_its_study(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "notes" / "tried"
    assert tune(sample, tmp_path / "m", "--study", study) == 0
    first = rows_of(tmp_path / "notes" / "tried-trials.csv")
    capsys.readouterr()
    assert tune(sample, tmp_path / "m", "--study", study) == 0
    assert rows_of(tmp_path / "notes" / "tried-trials.csv")[0] == first[0]
    assert "trial 0: " not in capsys.readouterr().err  # it is not trained again


def test_interrupted_tuning_says_how_to_go_on(
    sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train_fields = trainings.train_fields
    begun: list[Any] = []

    def interrupted(*arguments: Any) -> Any:
        begun.append(arguments)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return train_fields(*arguments)

    monkeypatch.setattr(trainings, "train_fields", interrupted)
    assert tune(sample, tmp_path / "m", minutes=60) == 130
    told = capsys.readouterr().err.splitlines()
    assert told[-2] == f"the same command goes on with {tmp_path / 'm-study.jsonl'}"
    assert told[-1] == "stopped; what was written so far is kept"
    assert not (tmp_path / "m.safetensors").exists()
    (default,) = rows_of(tmp_path / "m-study-trials.csv")
    monkeypatch.setattr(trainings, "train_fields", train_fields)
    assert tune(sample, tmp_path / "m") == 0
    rows = rows_of(tmp_path / "m-study-trials.csv")
    assert rows[0] == default | {"remark": "default, chosen"}
    assert "interrupted" not in [row["remark"] for row in rows]
    assert load_model(tmp_path / "m.safetensors").recipe == "modern"


def test_missing_optuna_is_said_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    (tmp_path / "m.mrc").write_bytes(b"broken")
    assert tune(tmp_path, tmp_path / "m") == 2
    said = 'napari-deepem: tuning needs Optuna: pip install "napari-deepem[tune]" brings it\n'
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"box": 30}, "is a study of box 24 px, this is 30 px"),
        ({"out": "other", "more": ("--study", "labels.csv")}, "is not a study that tune wrote"),
        ({"more": ("--seed", 1)}, "is a study of seed 0, this is 1"),
    ],
)
def test_what_cannot_be_tuned_is_refused_in_a_line(
    sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("labels.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    assert tune(sample, tmp_path / "m") == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    capsys.readouterr()
    options = {"out": "m", "more": (), **options}
    out, more = tmp_path / options.pop("out"), options.pop("more")
    assert tune(sample, out, *more, **options) == 2
    told = capsys.readouterr().err
    assert told.startswith("napari-deepem: ")
    assert told.count("\n") == 1
    assert message in told
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


# What is shown


SETTINGS = TrainingSettings(
    88,
    own_recipe=replace(MODERN, learning_rate=0.003, negatives_per_positive=1.5),
    own_architecture=Architecture(44, (5, 5, 3), (2, 2, 2), (6, 12, 12)),
)
MODEL = Model(
    random_network(Architecture.for_box(24)), "modern", 24, Sampling(1), None, 0.5, (0.7, 1.8)
)
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
