"""`napari-deepem train`."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from blobs import BOX_PX, blob_sample
from cli_runs import Refusal, console_on, run
from napari_deepem.batch.train import LabelledFiles
from napari_deepem.cli.train import follow_training
from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import read_coordinates, write_coordinates
from napari_deepem.io.models import load_model
from networks import random_network
from spoilt_files import SPOILT_MICROGRAPHS, Spoil, write_text


def test_training_writes_a_model_of_what_was_asked_for(sample: Path, model: Path) -> None:
    trained = load_model(model)
    assert (trained.box_size_px, trained.binning, trained.recipe) == (BOX_PX, 1, "modern")
    assert trained.summary["start"] == "chance"
    assert trained.pixel_size == pytest.approx(2.0)
    assert len(trained.summary["curve"]) == 2
    parts = [*trained.summary["trained_on"], *trained.summary["held_out"]]
    assert {part["micrograph"] for part in parts} == {"blobs_1", "blobs_2", "blobs_3"}


def test_training_shows_what_it_reads_every_epoch_and_what_it_wrote(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "coords").mkdir()
    for name in ("blobs_1.csv", "blobs_2.csv"):
        shutil.copy(sample / name, tmp_path / "coords")
    out = tmp_path / "new" / "m.safetensors"
    options = ("--coords", tmp_path / "coords", "--box", BOX_PX, "--out", out)
    assert run("train", sample, *options, "--recipe", "deepem2017", "--epochs", 2) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "18 particles on 2 micrographs" in shown.err
    assert "left out, no coordinates: " in shown.err
    assert "epoch 1/2" in shown.err
    assert "epoch 2/2" in shown.err
    assert f"wrote {out}" in shown.err
    assert load_model(out).recipe == "deepem2017"


@pytest.mark.parametrize("bin", ["auto", "2"])
def test_binning_is_taken_from_the_command_line(sample: Path, tmp_path: Path, bin: str) -> None:
    out = tmp_path / "m.safetensors"
    files = [sample / "blobs_1.mrc", sample / "blobs_2.mrc"]
    options = ("--coords", sample, "--box", 50, "--out", out, "--bin", bin, "--epochs", 1)
    options = (*options, "--start", "chance")
    assert run("train", *files, *options) == 0
    assert load_model(out).binning == {"auto": 1, "2": 2}[bin]


def test_same_seed_writes_the_same_model_and_another_seed_another(
    sample: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        options = ("--coords", sample, "--box", BOX_PX, "--out", tmp_path / f"{name}.safetensors")
        assert run("train", sample, *options, "--epochs", 1, "--seed", seed) == 0
    first, same, other = (load_file(tmp_path / f"{name}.safetensors") for name in "abc")
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_training_tells_what_it_leaves_out_and_what_would_be_better(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """C.6: one label just outside refused all, and one that is there twice was not said."""
    centres_yx = read_coordinates(data / "blobs_1.csv").centres_yx
    rows = np.concatenate([centres_yx, centres_yx[:1], [[50.0, 140.0]]])
    write_coordinates(data / "blobs_1.csv", Picks(rows))
    out = tmp_path / "m.safetensors"
    options = ("--coords", data, "--box", BOX_PX, "--out", out, "--epochs", 1)
    assert run("train", data / "blobs_1.mrc", *options) == 0
    assert capsys.readouterr().err.splitlines()[:5] == [
        "9 particles on 1 micrograph",
        "1 of 11 labels lies outside of its micrograph and is left out.",
        "1 particle is there twice and counts once.",
        "Only 9 particles so far: 20 or more teach much better.",
        "All are on blobs_1: its right-hand part is held out to find the threshold. Particles on a "
        "second micrograph tell more.",
    ]


def test_single_relion_star_with_micrograph_names_is_taken(sample: Path, tmp_path: Path) -> None:
    rows = []
    for name in ("blobs_1", "blobs_2"):
        for row, col in read_coordinates(sample / f"{name}.csv").centres_yx:
            rows.append(f"MotionCorr/job003/{name}.mrc {col:.3f} {row:.3f}")
    columns = "_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n"
    star = tmp_path / "particles.star"
    star.write_text("\ndata_particles\n\nloop_\n" + columns + "\n".join(rows) + "\n")
    out = tmp_path / "m.safetensors"
    options = ("--coords", star, "--box", BOX_PX, "--out", out, "--epochs", 1)
    assert run("train", sample, *options) == 0
    summary = load_model(out).summary
    parts = [*summary["trained_on"], *summary["held_out"]]
    assert {part["micrograph"] for part in parts} == {"blobs_1", "blobs_2"}


def training() -> Generator[LabelledFiles | EpochDone, None, Model]:
    micrographs, labels = blob_sample(1, 2)
    yield LabelledFiles(micrographs, labels, ["m17"])
    yield EpochDone(1, 2, 0.5, 0.4, 0.75, 0.625)
    yield EpochDone(2, 2, 0.25, None, None)
    network = random_network(Architecture.for_box(BOX_PX))
    return Model(network, "modern", 2 * BOX_PX, Sampling(2), None, 0.5, (0.7, 1.8))


def test_training_is_shown_in_lines_where_there_is_no_terminal() -> None:
    console, shown = console_on(terminal=False)
    assert follow_training(training(), console).recipe == "modern"
    assert shown.getvalue().splitlines() == [
        "18 particles on 2 micrographs; left out, no coordinates: m17",
        "epoch 1/2  loss 0.5000  held-out boxes: loss 0.4000, AP 0.750  picking: AP 0.625",
        "epoch 2/2  loss 0.2500",
    ]


def test_training_is_shown_as_a_bar_on_a_terminal() -> None:
    console, shown = console_on(terminal=True)
    follow_training(training(), console)
    text = shown.getvalue()
    assert "2/2" in text
    assert "loss 0.2500" in text
    assert "epoch 1/2" not in text


# Wrong input: one line, exit code 2, nothing written


@pytest.mark.parametrize("kind", SPOILT_MICROGRAPHS)
def test_micrograph_that_cannot_be_used(refusal: Refusal, data: Path, kind: str) -> None:
    spoil, message = SPOILT_MICROGRAPHS[kind]
    spoil(data / "blobs_1.mrc")
    micrographs = [data / "blobs_1.mrc", data / "blobs_2.mrc"]
    options = ("--coords", data, "--box", BOX_PX, "--out", "m.safetensors", "--epochs", 1)
    line = refusal("train", *micrographs, *options)
    assert message in line
    assert "blobs_1" in line


STAR = "\ndata_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n"
SPOILT_COORDINATES: dict[str, tuple[str, Spoil, str]] = {
    "csv empty": ("csv", write_text(""), "no particle is labelled"),
    "csv without rows": ("csv", write_text("x,y\n"), "no particle is labelled"),
    "csv with text": ("csv", write_text("x,y\n1,2\n3,here\n"), "line 3: expected a number"),
    "csv without header": ("csv", write_text("10,20\n30,40\n"), "line 1: expected a header"),
    "csv with columns missing": ("csv", write_text("x,y\n10,20\n30\n"), "line 3: expected 2"),
    "csv with NaN": ("csv", write_text("x,y\n10,nan\n"), "line 2: expected a number"),
    "csv outside": ("csv", write_text("x,y\n20,30\n139,120\n"), "1 of 2 coordinates lie outside"),
    "csv negative": ("csv", write_text("x,y\n-20,30\n"), "1 of 1 coordinates lie outside"),
    "csv binary": ("csv", lambda path: path.write_bytes(bytes(range(256))), "not a text file"),
    "box empty": ("box", write_text(""), "no particle is labelled"),
    "box with text": ("box", write_text("a\tb\tc\td\n"), "line 1: expected a number"),
    "box with three columns": ("box", write_text("1\t2\t24\n"), "line 1: expected x y width"),
    "box outside": ("box", write_text("500\t20\t24\t24\n"), "1 of 1 coordinates lie outside"),
    "star without rows": ("star", write_text(STAR), "no particle is labelled"),
    "star with text": ("star", write_text(STAR + "1 2\nhere 4\n"), "line 8: expected a number"),
    "star with columns missing": ("star", write_text(STAR + "1 2\n3\n"), "blobs_1.star"),
    "star without coordinates": (
        "star",
        write_text("\ndata_\n\nloop_\n_rlnMicrographName #1\na.mrc\n"),
        "a STAR file without coordinates",
    ),
    "star that is text": ("star", write_text("hello\nworld\n"), "line 1: expected data_, loop_ or"),
}


@pytest.mark.parametrize("kind", SPOILT_COORDINATES)
def test_coordinates_that_cannot_be_used(refusal: Refusal, data: Path, kind: str) -> None:
    suffix, spoil, message = SPOILT_COORDINATES[kind]
    for path in data.glob("*.csv"):
        path.unlink()
    spoil(data / f"blobs_1.{suffix}")
    line = refusal("train", data, "--coords", data, "--box", BOX_PX, "--out", "m.safetensors")
    assert message in line


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        ("none", "none: no such file or folder"),
        ("bare", "no coordinate files there (.star, .csv, .box"),
        ("others", "names must agree"),
        ("data/blobs_1.mrc", "not a coordinate format"),
    ],
    ids=["missing", "empty folder", "other names", "a micrograph"],
)
def test_coordinates_that_are_not_there(
    refusal: Refusal, data: Path, tmp_path: Path, coordinates: str, message: str
) -> None:
    (tmp_path / "bare").mkdir()
    write_coordinates(tmp_path / "others" / "m17.csv", Picks(np.array([[20.0, 30.0]])))
    options = ("--coords", coordinates, "--box", BOX_PX, "--out", "m.safetensors")
    assert message in refusal("train", data, *options)


@pytest.mark.parametrize("recipe", ["modern", "deepem2017"])
def test_particles_everywhere_leave_no_negatives(refusal: Refusal, data: Path, recipe: str) -> None:
    (data / "blobs_2.csv").unlink()
    everywhere = np.argwhere(np.ones((19, 24))).astype(np.float64) * 6
    write_coordinates(data / "blobs_1.csv", Picks(everywhere))
    options = ("--coords", data, "--box", BOX_PX, "--out", "m.safetensors", "--recipe", recipe)
    assert "no place is left for negatives" in refusal("train", data, *options)


@pytest.mark.parametrize("start", ["general", "chance"])
def test_start_is_taken_from_the_command_line_and_told(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], start: str
) -> None:
    out = tmp_path / "m.safetensors"
    options = ("--coords", sample, "--box", BOX_PX, "--out", out, "--epochs", 1, "--start", start)
    assert run("train", sample / "blobs_1.mrc", *options) == 0
    assert load_model(out).summary["start"] == start
    words = {"general": "the general network", "chance": "chance"}[start]
    assert f"trained from {words}" in capsys.readouterr().err


def test_training_starts_from_a_model_file(sample: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    options = ("--coords", sample, "--box", BOX_PX, "--out", out, "--epochs", 1, "--start", model)
    assert run("train", sample / "blobs_4.mrc", *options) == 0
    before, after = load_model(model), load_model(out)
    assert after.summary["start"] == "model"
    assert after.summary["first"]["start"] == "chance"
    assert after.summary["first"]["epochs"] == len(before.summary["curve"])
    assert after.network.architecture == before.network.architecture


TRAIN = ("train", "data", "--coords", "data", "--box", BOX_PX, "--out", "m.safetensors")
WRONG_ARGUMENTS: dict[str, tuple[tuple[object, ...], str]] = {
    "box larger than the micrograph": ((*TRAIN, "--box", 111), "does not fit micrograph"),
    "out with a name too long": ((*TRAIN, "--out", "m" * 300), "name"),
    "bin too coarse": ((*TRAIN, "--bin", 2), "a box of 12 px after binning"),
    "general network, binned": ((*TRAIN, "--start", "general", "--bin", 2), "takes 44 px"),
    "general network, wide": ((*TRAIN, "--start", "general", "--recipe", "wide"), "from chance"),
    "start misspelt": ((*TRAIN, "--start", "genral"), "general, chance or a model file"),
    "start of no file": ((*TRAIN, "--start", "none.safetensors"), "none.safetensors"),
    "recipe": ((*TRAIN, "--recipe", "best"), "best"),
    "out below a file": ((*TRAIN, "--out", "file/m.safetensors"), "is a file"),
    "out is a folder": ((*TRAIN, "--out", "folder.safetensors"), "it is a folder"),
    "out is this folder": ((*TRAIN, "--out", "."), "it is a folder"),
    "no coords": (("train", "data", "--box", 24, "--out", "m.safetensors"), "--coords"),
    "no box": (("train", "data", "--coords", "data", "--out", "m.safetensors"), "--box"),
    "no out": (("train", "data", "--coords", "data", "--box", 24), "--out"),
    "no micrographs": (("train", *TRAIN[2:]), "MICROGRAPHS"),
    "pattern of nothing": (("train", "none*.mrc", *TRAIN[2:]), "none*.mrc: no micrographs"),
    "folder of nothing": (("train", "bare", *TRAIN[2:]), "bare: no micrographs there"),
}


@pytest.mark.parametrize("kind", WRONG_ARGUMENTS)
@pytest.mark.usefixtures("wrong_paths")
def test_arguments_that_cannot_be_used(refusal: Refusal, kind: str) -> None:
    arguments, message = WRONG_ARGUMENTS[kind]
    assert message in refusal(*arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
@pytest.mark.parametrize("command", ["train", "tune", "refine"])
def test_device_that_is_not_there_is_said_at_once(
    refusal: Refusal, sample: Path, model: Path, command: str
) -> None:
    out = model.with_name("other.safetensors")
    given = {
        "train": ("--coords", sample, "--box", BOX_PX),
        "tune": ("--coords", sample, "--box", BOX_PX, "--minutes", 0.01),
        "refine": ("--model", model, "--accepted", sample),
    }[command]
    message = refusal(command, sample / "blobs_1.mrc", *given, "--out", out, "--device", "cuda")
    assert "'cuda' is not available to torch here: use cpu, or auto" in message
