from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from cli_runs import quick_training, run
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import read_coordinates, write_coordinates
from napari_deepem.io.images import write_image
from napari_deepem.io.models import load_model, save_model


@pytest.fixture(scope="module", autouse=True)
def quick_recipe() -> Iterator[None]:
    with quick_training(batches=8, batch_size=32, epochs=2):
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Micrographs, a model of the first two, and what it picks on the others."""
    folder = tmp_path_factory.mktemp("made")
    for seed in (1, 2, 3, 4):
        micrograph, centres = blob_micrograph(seed)
        write_image(folder / f"{micrograph.name}.mrc", micrograph.image, micrograph.pixel_size)
        write_coordinates(folder / "truth" / f"{micrograph.name}.csv", Picks(centres))
    trained, others = folder / "blobs_[12].mrc", folder / "blobs_[34].mrc"
    model = ("--out", folder / "model.safetensors")
    assert run("train", trained, "--coords", folder / "truth", "--box", BOX_PX, *model) == 0
    model = ("--model", folder / "model.safetensors")
    assert run("pick", others, *model, "--out", folder / "picks", "--threshold", 0.5) == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt, while the model knows the files of the first."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def verdicts(folder: Path) -> tuple[object, ...]:
    return ("--picks", folder / "picks", "--accepted", folder / "truth")


def refine(folder: Path, *options: object, of: str = "blobs_[34].mrc") -> int:
    model, out = folder / "model.safetensors", folder / "refined.safetensors"
    return run("refine", folder / of, "--model", model, "--out", out, *options)


def test_model_is_trained_again_with_the_verdicts(
    made: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refine(folder, *verdicts(folder)) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "18 picks accepted, " in shown.err
    assert "; not among the micrographs: blobs_1, blobs_2\n" in shown.err
    assert "epoch 2/2" in shown.err
    assert "round 1: 18 accepted, " in shown.err
    refined = load_model(folder / "refined.safetensors")
    assert [item.name for item in refined.training_set] == [
        *("blobs_1", "blobs_2", "blobs_3", "blobs_4")
    ]
    first, _, third, _ = refined.training_set
    assert (first.complete, first.source) == (True, folder / "blobs_1.mrc")
    assert (third.complete, third.source) == (False, folder / "blobs_3.mrc")
    np.testing.assert_allclose(third.labels.positive_yx, blob_micrograph(3)[1])
    assert len(third.labels.unsure_yx) == 0
    earlier = load_model(folder / "model.safetensors")
    assert refined.summary["held_out"] == earlier.summary["held_out"]
    assert refined.recipe == "modern"


def test_given_pixel_size_is_that_of_all_micrographs(folder: Path) -> None:
    assert refine(folder, *verdicts(folder), "--pixel-size", 3) == 0
    assert load_model(folder / "refined.safetensors").pixel_size == 3


def test_a_refined_model_can_be_refined(folder: Path) -> None:
    assert refine(folder, *verdicts(folder), of="blobs_3.mrc") == 0
    (folder / "model.safetensors").unlink()
    (folder / "refined.safetensors").rename(folder / "model.safetensors")
    rejected = ("--picks", folder / "picks", "--rejected", folder / "none")
    write_coordinates(folder / "none" / "blobs_4.star", Picks(np.empty((0, 2))))
    assert refine(folder, *rejected, "--start", "weights", "--epochs", 1, "--seed", 4) == 0
    refined = load_model(folder / "refined.safetensors")
    assert refined.summary["refined"]["round"] == 2
    assert refined.summary["refined"]["start"] == "weights"
    assert (refined.summary["seed"], len(refined.summary["curve"])) == (4, 1)
    assert len(refined.training_set) == 4
    picks = read_coordinates(folder / "picks" / "blobs_4.star")
    np.testing.assert_array_equal(refined.training_set[3].labels.positive_yx, picks.centres_yx)


def test_model_may_train_on_without_its_first_micrographs(folder: Path) -> None:
    assert refine(folder, *verdicts(folder), "--forget", "--epochs", 1) == 0
    refined = load_model(folder / "refined.safetensors")
    assert [item.name for item in refined.training_set] == ["blobs_3", "blobs_4"]
    assert refined.summary["refined"]["start"] == "weights"


def lose_micrographs(folder: Path) -> None:
    """Let the model think that the files it was trained on were elsewhere."""
    model = load_model(folder / "model.safetensors")
    lost = (replace(item, source=Path("/lost") / item.name) for item in model.training_set)
    save_model(replace(model, training_set=tuple(lost)), folder / "model.safetensors")


def test_first_micrographs_may_have_moved(folder: Path) -> None:
    lose_micrographs(folder)
    earlier = ("--earlier", folder / "blobs_1.mrc", folder / "blobs_2.mrc")
    assert refine(folder, *verdicts(folder), *earlier, "--epochs", 1) == 0
    refined = load_model(folder / "refined.safetensors")
    assert refined.training_set[0].source == folder / "blobs_1.mrc"


def test_truth_of_the_first_micrographs_may_be_given(folder: Path) -> None:
    earlier = ("--earlier", folder / "blobs_1.mrc", "--coords", folder / "truth")
    assert refine(folder, *verdicts(folder), *earlier, "--epochs", 1) == 0
    refined = load_model(folder / "refined.safetensors")
    assert [item.name for item in refined.training_set] == ["blobs_1", "blobs_3", "blobs_4"]


def outside(folder: Path) -> None:
    write_coordinates(folder / "truth" / "blobs_3.csv", Picks(np.array([[900.0, 20.0]])))


def contradictory(folder: Path) -> None:
    shutil.copytree(folder / "truth", folder / "rejected")


def nothing_there(folder: Path) -> None:
    (folder / "other").mkdir()
    write_coordinates(folder / "other" / "m7.csv", Picks(np.array([[9.0, 20.0]])))


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (None, (), "no verdict on the picks: give --accepted, --rejected or both"),
        (outside, ("--accepted", "truth"), "1 of 1 coordinates lie outside micrograph blobs_3"),
        (
            contradictory,
            ("--accepted", "truth", "--rejected", "rejected"),
            "blobs_3: 9 of 9 positions accepted are rejected too",
        ),
        (nothing_there, ("--accepted", "other"), "no coordinates for any of the 2 micrographs"),
        (None, ("--accepted", "nowhere"), "nowhere: no such file or folder"),
        (None, ("--accepted", "truth", "--start", "here"), "--start"),
        (None, ("--accepted", "truth", "--coords", "truth"), "--earlier: give both"),
        (
            lambda folder: (folder / "blobs_4.mrc").write_bytes(b""),
            ("--accepted", "truth"),
            "blobs_4.mrc: empty file",
        ),
        (lose_micrographs, ("--accepted", "truth"), "2 of 2 micrographs that the model was"),
    ],
    ids=[
        *("no verdict", "outside", "contradictory", "other names", "no such folder"),
        *("unknown start", "coordinates of nothing", "broken micrograph", "lost micrographs"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    spoil,
    options: tuple[object, ...],
    message: str,
) -> None:
    monkeypatch.chdir(folder)
    if spoil is not None:
        spoil(folder)
    capsys.readouterr()
    assert refine(folder, *options) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("napari-deepem: ")
    assert message in shown.err
    assert shown.err.count("\n") == 1, shown.err
    assert not (folder / "refined.safetensors").exists()
