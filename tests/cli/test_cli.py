from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import mrcfile
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from blobs import BOX_PX, SHAPE, blob_micrograph
from napari_deepem import __version__
from napari_deepem.cli import main
from napari_deepem.core.evaluation.metrics import evaluate
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import select_picks
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.training.recipes import MODERN, RECIPES
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import read_coordinates, write_coordinates
from napari_deepem.io.images import read_micrograph, write_mrc
from napari_deepem.io.models import load_model

SCRIPT = shutil.which("napari-deepem", path=str(Path(sys.executable).parent))
PROMISED_FIGURES = {
    *("ap", "f1", "precision", "recall", "f2", "f2_threshold", "n_picks", "n_truth"),
}


def run(*arguments: object) -> int:
    """Exit code of a command."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Refusal:
    """Runs a command that must fail: exit code 2, one line on standard error, no file touched."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self._folder = folder

    def __call__(self, *arguments: object) -> str:
        before = files_in(self._folder)
        self._capsys.readouterr()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            code = run(*arguments)
        output = self._capsys.readouterr()
        assert code == 2, output.err
        assert output.out == ""
        assert output.err.startswith("napari-deepem: ")
        assert output.err.endswith("\n")
        assert output.err.count("\n") == 1, output.err
        assert "Traceback" not in output.err
        assert files_in(self._folder) == before
        return output.err


@pytest.fixture
def refusal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Refusal:
    monkeypatch.chdir(tmp_path)  # nothing may appear here either
    return Refusal(capsys, tmp_path)


@pytest.fixture(scope="module", autouse=True)
def quick_recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quick = replace(MODERN, batches_per_epoch=16, batch_size=32, epochs=3)
        patch.setitem(RECIPES, "modern", quick)
        yield


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four micrographs and their coordinates."""
    folder = tmp_path_factory.mktemp("sample")
    for seed in (1, 2, 3, 4):
        micrograph, centres = blob_micrograph(seed)
        write_mrc(folder / f"{micrograph.name}.mrc", micrograph.image, micrograph.pixel_size)
        write_coordinates(folder / f"{micrograph.name}.csv", Picks(centres))
    return folder


@pytest.fixture(scope="module")
def model(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "blobs.safetensors"
    code = run(
        *("train", sample / "blobs_[123].mrc", "--coords", sample),
        *("--box", BOX_PX, "--out", path, "--epochs", 2),
    )
    assert code == 0
    return path


@pytest.fixture
def data(sample: Path, tmp_path: Path) -> Path:
    """Two micrographs and their coordinates, to be spoilt."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("blobs_1", "blobs_2"):
        for suffix in (".mrc", ".csv"):
            shutil.copy(sample / (name + suffix), folder)
    return folder


# The main line: train -> pick -> evaluate


def test_training_writes_a_model_of_what_was_asked_for(sample: Path, model: Path) -> None:
    trained = load_model(model)
    assert (trained.box_size_px, trained.binning, trained.recipe) == (BOX_PX, 1, "modern")
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


def test_picks_are_those_of_the_python_functions(sample: Path, model: Path, tmp_path: Path) -> None:
    assert run("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path / "p") == 0
    names = sorted(path.name for path in (tmp_path / "p").glob("[!.]*"))
    assert names == ["blobs_4.box", "blobs_4.star"]
    trained = load_model(model)
    candidates = find_candidates(score(read_micrograph(sample / "blobs_4.mrc"), trained))
    expected = select_picks(candidates, threshold=trained.threshold, std_range=trained.std_range)
    assert len(expected) > 3
    for name in names:
        found = read_coordinates(tmp_path / "p" / name)
        assert np.abs(found.centres_yx - expected.centres_yx).max() <= 0.5
    star = read_coordinates(tmp_path / "p" / "blobs_4.star")
    assert star.scores is not None
    assert expected.scores is not None
    np.testing.assert_allclose(star.scores, expected.scores, atol=1e-7)
    assert read_coordinates(tmp_path / "p" / "blobs_4.box").box_size_px == BOX_PX


def test_all_candidates_are_evaluated_with_one_line_of_json(
    sample: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picks = tmp_path / "all"
    options = ("--model", model, "--out", picks, "--all-candidates")
    assert run("pick", sample / "blobs_3.mrc", sample / "blobs_4.mrc", *options) == 0
    capsys.readouterr()
    plot = tmp_path / "figures" / "curves.png"
    assert run("evaluate", picks, "--truth", sample, "--box", BOX_PX, "--plot", plot) == 0
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    figures = json.loads(output)
    assert set(figures) >= PROMISED_FIGURES
    found = [read_coordinates(picks / f"{name}.star") for name in ("blobs_3", "blobs_4")]
    truth = [read_coordinates(sample / f"{name}.csv").centres_yx for name in ("blobs_3", "blobs_4")]
    expected = evaluate(found, truth, BOX_PX / 4)
    for name in PROMISED_FIGURES:
        assert figures[name] == pytest.approx(getattr(expected, name)), name
    assert figures["radius_px"] == BOX_PX / 4
    assert figures["ap"] > 0.9
    assert figures["n_truth"] == 18
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_all_candidates_hold_what_a_threshold_leaves_out(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--format", "csv")
    assert run(*options, "--out", tmp_path / "all", "--all-candidates") == 0
    assert run(*options, "--out", tmp_path / "some") == 0
    everything = read_coordinates(tmp_path / "all" / "blobs_4.csv")
    some = read_coordinates(tmp_path / "some" / "blobs_4.csv")
    assert 3 < len(some) < len(everything)
    assert everything.scores is not None
    assert everything.scores.min() < load_model(model).threshold
    assert {tuple(c) for c in some.centres_yx} <= {tuple(c) for c in everything.centres_yx}


def test_radius_decides_what_counts_as_found(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = read_coordinates(sample / "blobs_1.csv")
    moved = Picks(truth.centres_yx + np.array([0.0, 5.0]), np.linspace(0.9, 0.5, len(truth)))
    write_coordinates(tmp_path / "blobs_1.csv", moved)
    recalls = []
    for radius in ((), ("--radius", 4.5), ("--radius", 5.5)):
        options = ("--truth", sample, "--box", BOX_PX, *radius)
        assert run("evaluate", tmp_path / "blobs_1.csv", *options) == 0
        recalls.append(json.loads(capsys.readouterr().out)["recall"])
    assert recalls == [1.0, 0.0, 1.0]  # a quarter of the box is 6 px


def test_evaluation_tells_which_micrographs_are_left_out(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picks = tmp_path / "picks"
    for name in ("blobs_1", "other"):
        write_coordinates(picks / f"{name}.csv", Picks(np.array([[20.0, 30.0]])))
    assert run("evaluate", picks, "--truth", sample, "--box", BOX_PX) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["n_picks"] == 1
    assert "no truth: 1 (other" in output.err
    assert "no picks: 3 (blobs_2" in output.err


def picks_with(sample: Path, model: Path, out: Path, *options: object) -> Picks:
    arguments = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", out)
    assert run(*arguments, "--format", "csv", *options) == 0
    return read_coordinates(out / "blobs_4.csv")


def test_threshold_is_taken_from_the_command_line(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    wide = ("--std-range", 0, 99)
    half = picks_with(sample, model, tmp_path / "half", "--threshold", 0.5, *wide)
    least = picks_with(sample, model, tmp_path / "least", "--threshold", 0, *wide)
    best = picks_with(sample, model, tmp_path / "best", "--threshold", "f2", *wide)
    default = picks_with(sample, model, tmp_path / "default", *wide)
    assert half.scores is not None
    assert least.scores is not None
    assert half.scores.min() >= 0.5
    assert len(half) == (least.scores >= 0.5).sum() < len(least)
    np.testing.assert_array_equal(best.centres_yx, default.centres_yx)
    assert len(best) == (least.scores >= load_model(model).threshold).sum()


def test_std_range_is_taken_from_the_command_line(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    micrograph = read_micrograph(sample / "blobs_4.mrc")
    candidates = find_candidates(score(micrograph, load_model(model)))
    middle = float(np.median(candidates.stds))
    for low, high in ((0.0, middle), (middle, 99.0)):
        options = ("--threshold", 0, "--min-distance", 0, "--std-range", low, high)
        found = picks_with(sample, model, tmp_path / f"{low}", *options)
        inside = (candidates.stds >= low) & (candidates.stds <= high)
        assert 0 < len(found) == inside.sum() < len(candidates)


def test_minimum_distance_is_taken_from_the_command_line(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    options = ("--threshold", 0, "--std-range", 0, 99, "--min-distance")
    counts = []
    for distance in (0, 30, 1000):
        found = picks_with(sample, model, tmp_path / str(distance), *options, distance)
        apart = np.linalg.norm(found.centres_yx[:, None] - found.centres_yx[None], axis=2)
        assert apart[~np.eye(len(found), dtype=bool)].min(initial=np.inf) >= distance
        counts.append(len(found))
    assert counts[0] > counts[1] > counts[2] == 1


def test_step_is_taken_from_the_command_line(sample: Path, model: Path, tmp_path: Path) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path)
    assert run(*options, "--score-maps", "--step", 5) == 0
    written = read_micrograph(tmp_path / "blobs_4_scores.mrc")
    expected = score(read_micrograph(sample / "blobs_4.mrc"), load_model(model), step_px=5)
    np.testing.assert_array_equal(written.image, expected.scores)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
def test_device_that_is_not_there_is_said_before_anything_is_written(
    sample: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "picks"
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", out)
    assert run(*options, "--device", "cuda") == 2
    assert "'cuda' is not available to torch here: use cpu, or auto" in capsys.readouterr().err
    assert not out.exists()
    assert run(*options, "--device", "cpu") == 0


def test_formats_are_taken_from_the_command_line(sample: Path, model: Path, tmp_path: Path) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path)
    assert run(*options, "--format", "csv,box") == 0
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["blobs_4.box", "blobs_4.csv"]


def test_score_maps_are_written_on_demand(sample: Path, model: Path, tmp_path: Path) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path)
    assert run(*options, "--score-maps") == 0
    written = read_micrograph(tmp_path / "blobs_4_scores.mrc")
    expected = score(read_micrograph(sample / "blobs_4.mrc"), load_model(model))
    np.testing.assert_array_equal(written.image, expected.scores)
    assert written.pixel_size == pytest.approx(2.0 * expected.step_px)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["."], ["blobs_1", "blobs_2", "blobs_3", "blobs_4"]),
        (["blobs_[12].mrc", "blobs_2.*"], ["blobs_1", "blobs_2"]),
        (["*_4.mrc", "blobs_1.mrc"], ["blobs_1", "blobs_4"]),
    ],
    ids=["folder", "patterns", "pattern and file"],
)
def test_micrographs_may_be_files_folders_and_patterns(
    sample: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    names: list[str],
) -> None:
    monkeypatch.chdir(sample)
    out = tmp_path / "picks"
    assert run("pick", *arguments, "--model", model, "--out", out, "--format", "star") == 0
    assert sorted(path.stem for path in out.glob("[!.]*")) == names


def test_micrograph_without_picks_gets_empty_files(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    options = ("--model", model, "--out", tmp_path, "--std-range", 98, 99, "--format", "csv,star")
    assert run("pick", sample / "blobs_4.mrc", *options) == 0
    for suffix in (".csv", ".star"):
        assert len(read_coordinates(tmp_path / f"blobs_4{suffix}")) == 0


def test_broken_micrograph_among_good_ones_does_not_stop_them(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "blobs_0.mrc").write_bytes(b"not MRC at all")
    out = tmp_path / "picks"
    assert run("pick", data, "--model", model, "--out", out, "--format", "star") == 2
    shown = capsys.readouterr().err
    assert sorted(path.name for path in out.glob("[!.]*")) == ["blobs_1.star", "blobs_2.star"]
    (line,) = [line for line in shown.splitlines() if line.startswith("napari-deepem: ")]
    assert "blobs_0.mrc" in line
    assert "1 of 3 micrographs could not be picked" in shown


def test_micrograph_of_another_pixel_size_is_picked_with_a_remark(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mrc(data / "blobs_1.mrc", read_micrograph(data / "blobs_1.mrc").image, 4.0)
    assert run("pick", data / "blobs_1.mrc", "--model", model, "--out", tmp_path / "p") == 0
    assert "blobs_1 has 4 A/px, the model was trained at 2 A/px" in capsys.readouterr().err
    assert (tmp_path / "p" / "blobs_1.star").exists()


def test_demo_on_own_data_shows_its_table(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", sample, "--box", BOX_PX, "--out", tmp_path / "demo", "--no-view")
    assert run("demo", *options) == 0
    shown = capsys.readouterr()
    assert "average precision" in shown.out
    assert "blobs_4" in shown.out
    assert "Training on 3 micrographs" in shown.err
    assert "epoch 3/3" in shown.err


@pytest.mark.parametrize(
    ("display", "options", "shown"),
    [(":0", [], True), (":0", ["--no-view"], False), ("", [], False)],
    ids=["display", "display, but not wanted", "no display"],
)
def test_demo_opens_napari_on_its_result_where_there_is_a_display(
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    display: str,
    options: list[str],
    shown: bool,
) -> None:
    opened: list[tuple[list[Path], Path]] = []
    window = ModuleType("napari_deepem.widgets.windows")  # the real one takes seconds to load
    window.show_results = lambda files, model: opened.append((files, model))  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "napari_deepem.widgets.windows", window)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("WAYLAND_DISPLAY", "")
    out = tmp_path / "demo"
    assert run("demo", "--data", sample, "--box", BOX_PX, "--out", out, *options) == 0
    held_out = [sample / "blobs_4.mrc"]
    assert opened == ([(held_out, out / "model.safetensors")] if shown else [])


# Wrong input: one line, exit code 2, nothing written


def write_stack(path: Path) -> None:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(np.random.default_rng(0).normal(size=(3, 60, 70)).astype(np.float32))


def write_constant(path: Path) -> None:
    write_mrc(path, np.full(SHAPE, 65535), 2.0)


def write_small(path: Path) -> None:
    """Smaller than the box, with a particle inside."""
    write_mrc(path, np.random.default_rng(0).normal(size=(BOX_PX - 1, 90)), 2.0)
    path.with_suffix(".csv").write_text("x,y\n20,10\n")


def write_nan(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1024 + 400 : 1024 + 404] = np.float32("nan").tobytes()
    path.write_bytes(content)


SPOILT_MICROGRAPHS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "blobs_1.mrc: no such file"),
    "empty": (lambda path: path.write_bytes(b""), "blobs_1.mrc: empty file"),
    "truncated": (
        lambda path: path.write_bytes(path.read_bytes()[:9000]),
        "blobs_1.mrc: cut short",
    ),
    "header cut": (lambda path: path.write_bytes(path.read_bytes()[:700]), "not an MRC file"),
    "not MRC": (lambda path: path.write_bytes(b"x,y\n1,2\n" * 300), "blobs_1.mrc: not an MRC"),
    "3-D stack": (write_stack, "blobs_1.mrc: a stack of 3 frames"),
    "NaN": (write_nan, "blobs_1.mrc: 1 of 15400 pixels are NaN"),
    "constant": (write_constant, "blobs_1.mrc: every pixel is 65535"),
    "smaller than the box": (write_small, "box of 24 px does not fit"),
}


@pytest.mark.parametrize("kind", SPOILT_MICROGRAPHS)
@pytest.mark.parametrize("command", ["train", "pick"])
def test_micrograph_that_cannot_be_used(
    refusal: Refusal, data: Path, model: Path, command: str, kind: str
) -> None:
    spoil, message = SPOILT_MICROGRAPHS[kind]
    spoil(data / "blobs_1.mrc")
    if command == "train":
        micrographs = [data / "blobs_1.mrc", data / "blobs_2.mrc"]
        options = ("--coords", data, "--box", BOX_PX, "--out", "m.safetensors", "--epochs", 1)
        line = refusal("train", *micrographs, *options)
    else:
        line = refusal("pick", data / "blobs_1.mrc", "--model", model, "--out", "picks")
    assert message in line
    assert "blobs_1" in line


def write_text(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


STAR = "\ndata_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n"
SPOILT_COORDINATES: dict[str, tuple[str, Callable[[Path], object], str]] = {
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
    "star that is text": ("star", write_text("hello\nworld\n"), "a STAR file without coordinates"),
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
        ("bare", "no coordinates for any of the 2 micrographs"),
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


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def resaved_with(**changes: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        header = {"format": "napari-deepem model", "version": "1", "model": "{}"}
        save_file(load_file(path), path, metadata=header | changes)

    return write


SPOILT_MODELS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "no model file"),
    "empty": (lambda path: path.write_bytes(b""), "damaged or not a model file"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:3000]), "damaged or not"),
    "text": (write_text("x,y\n" * 99), "damaged or not a model file"),
    "newer version": (resaved_with(version="2"), "of format version 2"),
    "other weights": (lambda path: save_file(load_file(path), path), "holds other weights"),
    "hollow description": (resaved_with(), "does not describe a whole model"),
    "folder": (replace_by_folder, "no model file"),
}


@pytest.mark.parametrize("kind", SPOILT_MODELS)
def test_model_that_cannot_be_used(
    refusal: Refusal, data: Path, model: Path, tmp_path: Path, kind: str
) -> None:
    spoil, message = SPOILT_MODELS[kind]
    shutil.copy(model, tmp_path / "spoilt.safetensors")
    spoil(tmp_path / "spoilt.safetensors")
    assert message in refusal("pick", data, "--model", "spoilt.safetensors", "--out", "picks")
    assert not (tmp_path / "picks").exists()


TRAIN = ("train", "data", "--coords", "data", "--box", BOX_PX, "--out", "m.safetensors")
PICK = ("pick", "data", "--model", "MODEL", "--out", "picks")
EVALUATE = ("evaluate", "data", "--truth", "data", "--box", BOX_PX)
WRONG_ARGUMENTS: dict[str, tuple[tuple[object, ...], str]] = {
    "train, box 0": ((*TRAIN, "--box", 0), "a box of 0 px"),
    "train, box negative": ((*TRAIN, "--box", -24), "a box of -24 px"),
    "train, box too small": ((*TRAIN, "--box", 23), "at least 24"),
    "train, box larger than the micrograph": ((*TRAIN, "--box", 111), "does not fit micrograph"),
    "train, box huge": ((*TRAIN, "--box", 10**12), "a box of 1000000000000 px"),
    "train, box that is text": ((*TRAIN, "--box", "big"), "--box"),
    "train, box NaN": ((*TRAIN, "--box", "nan"), "--box"),
    "train, box with a fraction": ((*TRAIN, "--box", 24.5), '"24.5" is not a whole number'),
    "train, bin with a fraction": ((*TRAIN, "--bin", 1.5), '"1.5" is not a whole number'),
    "train, out with a name too long": ((*TRAIN, "--out", "m" * 300), "name"),
    "train, bin 0": ((*TRAIN, "--bin", 0), "binning of 0"),
    "train, bin negative": ((*TRAIN, "--bin", -2), "binning of -2"),
    "train, bin huge": ((*TRAIN, "--bin", 10**9), "binning of 1000000000"),
    "train, bin too coarse": ((*TRAIN, "--bin", 2), "a box of 12 px after binning"),
    "train, bin that is text": ((*TRAIN, "--bin", "some"), "--bin"),
    "train, recipe": ((*TRAIN, "--recipe", "best"), "best"),
    "train, no epochs": ((*TRAIN, "--epochs", 0), "0 epochs"),
    "train, epochs negative": ((*TRAIN, "--epochs", -1), "-1 epochs"),
    "train, seed negative": ((*TRAIN, "--seed", -1), "seed"),
    "train, out below a file": ((*TRAIN, "--out", "file/m.safetensors"), "is a file"),
    "train, out is a folder": ((*TRAIN, "--out", "folder.safetensors"), "it is a folder"),
    "train, out is this folder": ((*TRAIN, "--out", "."), "it is a folder"),
    "train, no coords": (("train", "data", "--box", 24, "--out", "m.safetensors"), "--coords"),
    "train, no box": (("train", "data", "--coords", "data", "--out", "m.safetensors"), "--box"),
    "train, no out": (("train", "data", "--coords", "data", "--box", 24), "--out"),
    "train, no micrographs": (("train", *TRAIN[2:]), "MICROGRAPHS"),
    "train, pattern of nothing": (("train", "none*.mrc", *TRAIN[2:]), "none*.mrc: no micrographs"),
    "train, folder of nothing": (("train", "bare", *TRAIN[2:]), "bare: no micrographs there"),
    "pick, format": ((*PICK, "--format", "json"), "no format is called 'json'"),
    "pick, no format": ((*PICK, "--format", ","), "no format given"),
    "pick, threshold above 1": ((*PICK, "--threshold", 1.5), "a threshold of 1.5"),
    "pick, threshold negative": ((*PICK, "--threshold", -0.1), "a threshold of -0.1"),
    "pick, threshold NaN": ((*PICK, "--threshold", "nan"), "a threshold of nan"),
    "pick, threshold that is text": ((*PICK, "--threshold", "f1"), "--threshold"),
    "pick, std range falling": ((*PICK, "--std-range", 2, 1), "a std range of 2 to 1"),
    "pick, std range of one": ((*PICK, "--std-range", 2), "--std-range"),
    "pick, distance negative": ((*PICK, "--min-distance", -1), "a minimum distance of -1"),
    "pick, distance NaN": ((*PICK, "--min-distance", "nan"), "a minimum distance of nan"),
    "pick, step of 0": ((*PICK, "--step", 0), "a step of 0 px: give 1 px"),
    "pick, step negative": ((*PICK, "--step", -20), "a step of -20 px: give 1 px"),
    "pick, step with a fraction": ((*PICK, "--step", 2.5), '"2.5" is not a whole number'),
    "pick, out below a file": ((*PICK, "--out", "file/picks"), "is a file"),
    "pick, out is a file": ((*PICK, "--out", "file"), "is a file"),
    "pick, no model": (("pick", "data", "--out", "picks"), "--model"),
    "pick, no out": (("pick", "data", "--model", "MODEL"), "--out"),
    "pick, no micrographs": (("pick", "--model", "MODEL", "--out", "picks"), "MICROGRAPHS"),
    "evaluate, box 0": ((*EVALUATE, "--box", 0), "must be positive"),
    "evaluate, box negative": ((*EVALUATE, "--box", -4), "must be positive"),
    "evaluate, box NaN": ((*EVALUATE, "--box", "nan"), "must be positive"),
    "evaluate, box infinite": ((*EVALUATE, "--box", "inf"), "must be positive"),
    "evaluate, radius 0": ((*EVALUATE, "--radius", 0), "must be positive"),
    "evaluate, radius NaN": ((*EVALUATE, "--radius", "nan"), "must be positive"),
    "evaluate, picks missing": (("evaluate", "none", *EVALUATE[2:]), "none: no such file"),
    "evaluate, picks bare": (("evaluate", "bare", *EVALUATE[2:]), "no coordinate files there"),
    "evaluate, truth missing": ((*EVALUATE, "--truth", "none"), "none: no such file"),
    "evaluate, truth of others": ((*EVALUATE, "--truth", "others"), "names must agree"),
    "evaluate, truth empty": ((*EVALUATE, "--truth", "hollow"), "nothing to compare with"),
    "evaluate, no truth": (("evaluate", "data", "--box", 24), "--truth"),
    "evaluate, plot below a file": ((*EVALUATE, "--plot", "file/a.png"), "is a file"),
    "evaluate, plot of no format": ((*EVALUATE, "--plot", "curves"), "ends in .png"),
    "evaluate, plot of another format": ((*EVALUATE, "--plot", "curves.txt"), "ends in .png"),
    "view, folder missing": (("view", "none"), "none: cannot be opened"),
    "view, nothing there": (("view", "bare"), "no micrographs there"),
    "demo, data without box": (("demo", "--data", "data", "--no-view"), "--data and --box"),
    "demo, box without data": (("demo", "--box", 24, "--no-view"), "--data and --box"),
    "demo, data missing": (("demo", "--data", "none", "--box", 24, "--no-view"), "none: no such"),
    "demo, box 0": (("demo", "--data", "data", "--box", 0, "--no-view"), "a box of 0 px"),
    "demo, out below a file": (("demo", "--out", "file/demo", "--no-view"), "is a file"),
    "unknown command": (("guess",), "guess"),
    "unknown option": ((*PICK, "--guess"), "--guess"),
}


@pytest.mark.parametrize("kind", WRONG_ARGUMENTS)
def test_arguments_that_cannot_be_used(
    refusal: Refusal, data: Path, model: Path, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "bare").mkdir()
    (tmp_path / "folder.safetensors").mkdir()
    write_coordinates(tmp_path / "others" / "m17.csv", Picks(np.array([[20.0, 30.0]])))
    write_coordinates(tmp_path / "hollow" / "blobs_1.csv", Picks(np.empty((0, 2))))
    arguments, message = WRONG_ARGUMENTS[kind]
    given = [model if argument == "MODEL" else argument for argument in arguments]
    assert message in refusal(*last_options(given))


def last_options(arguments: list[object]) -> list[object]:
    """Without options that are given again later: `(*TRAIN, "--box", 0)` changes the box."""
    kept: list[object] = []
    for argument in arguments:
        if isinstance(argument, str) and argument.startswith("--") and argument in kept:
            start = kept.index(argument)
            del kept[start : start + 2]
        kept.append(argument)
    return kept


def test_demo_needs_two_labelled_micrographs(refusal: Refusal, data: Path) -> None:
    (data / "blobs_2.csv").unlink()
    options = ("--data", data, "--box", BOX_PX, "--out", "demo", "--no-view")
    assert "give at least two" in refusal("demo", *options)


# As users call it


def test_help_and_version_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("demo", "train", "pick", "evaluate"))
    assert run("--version") == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("demo", ["--data", "--box", "--out", "--no-view"]),
        ("train", ["--coords", "--box", "--out", "--bin", "--recipe", "--epochs", "--seed"]),
        (
            "pick",
            [
                *("--model", "--out", "--format", "--threshold", "--std-range"),
                *("--min-distance", "--step", "--all-candidates"),
            ],
        ),
        ("evaluate", ["--truth", "--box", "--radius", "--plot"]),
        (
            "refine",
            [
                *("--model", "--out", "--picks", "--accepted", "--rejected", "--start"),
                *("--epochs", "--seed", "--earlier", "--coords", "--forget"),
            ],
        ),
    ],
)
def test_every_promised_option_is_documented(
    capsys: pytest.CaptureFixture[str], command: str, options: list[str]
) -> None:
    assert run(command, "--help") == 0
    shown = capsys.readouterr().out
    assert [option for option in options if option not in shown] == []


@pytest.mark.parametrize("given", [None, "ACTIVE"])
def test_threads_wait_without_spinning_unless_the_user_says_so(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # so that it is put back
    monkeypatch.delenv("OMP_WAIT_POLICY")
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    assert run("--version") == 0
    assert os.environ["OMP_WAIT_POLICY"] == (given or "PASSIVE")


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    assert SCRIPT is not None, "the package is not installed beside this Python"
    return subprocess.run(
        [SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_installed_command_picks(sample: Path, model: Path, tmp_path: Path) -> None:
    done = call("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert len(read_coordinates(tmp_path / "p" / "blobs_4.star")) > 3


def test_installed_command_refuses_in_one_line(tmp_path: Path) -> None:
    done = call("evaluate", tmp_path / "none", "--truth", tmp_path, "--box", 24)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("napari-deepem: ")
    assert done.stderr.count("\n") == 1
