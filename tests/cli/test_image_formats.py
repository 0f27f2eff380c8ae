"""Movies, TIFF files and pictures in commands: picked as MRC files are, and told of."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from PIL import Image

from blobs import BOX_PX
from cli_runs import run
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.io.images import read_micrograph
from napari_deepem.io.models import load_model


def picks_of(path: Path, model: Path, out: Path) -> Picks:
    assert run("pick", path, "--model", model, "--out", out, "--format", "csv") == 0
    return read_coordinates(next(out.glob("*.csv")))


def test_same_picks_come_of_a_mrc_a_tiff_and_a_movie(
    sample: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = read_micrograph(sample / "blobs_4.mrc").image
    tifffile.imwrite(tmp_path / "a.tif", image[::-1], photometric="minisblack", compression="lzw")
    frames = np.stack([image - 8, image + 8])
    with mrcfile.new(tmp_path / "a.mrcs") as mrc:
        mrc.set_data(frames)
    expected = picks_of(sample / "blobs_4.mrc", model, tmp_path / "mrc")
    assert len(expected) > 3
    assert "mean of" not in capsys.readouterr().err
    for name in ("a.tif", "a.mrcs"):
        picks = picks_of(tmp_path / name, model, tmp_path / f"picks of {name}")
        np.testing.assert_allclose(picks.centres_yx, expected.centres_yx, atol=0.01)
    told = capsys.readouterr().err
    assert told.count("a.mrcs: the mean of its 2 frames, which are not aligned") == 1
    assert "a.tif:" not in told
    one = picks_of(tmp_path / "2@a.mrcs", model, tmp_path / "frame")
    np.testing.assert_allclose(one.centres_yx, expected.centres_yx, atol=0.01)
    assert (tmp_path / "frame" / "2@a.csv").exists()


def test_pictures_are_picked_with_a_remark(
    sample: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = read_micrograph(sample / "blobs_4.mrc").image
    grey = (image - image.min()) / np.ptp(image) * 255
    for name in ("a.png", "b.png"):
        Image.fromarray(grey.astype(np.uint8)).save(tmp_path / name)
    assert run("pick", tmp_path, "--model", model, "--out", tmp_path / "picks") == 0
    told = capsys.readouterr().err
    assert told.count("a.png is a picture for a look, no data") == 1
    assert "(the first of 2 .png files)" in told


def test_given_pixel_size_counts_more_than_the_header(
    sample: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sample and the model have 2 A/px."""
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--score-maps", "--out")
    assert run(*options, tmp_path / "own") == 0
    assert run(*options, tmp_path / "given", "--pixel-size", 3) == 0
    assert "blobs_4 has 3 A/px, the model was trained at 2 A/px" in capsys.readouterr().err
    own, given = (
        read_micrograph(tmp_path / folder / "blobs_4_scores.mrc").pixel_size
        for folder in ("own", "given")
    )
    assert own is not None
    assert given == pytest.approx(1.5 * own)


def test_model_is_of_the_pixel_size_that_was_given(sample: Path, tmp_path: Path) -> None:
    data = (sample / "blobs_1.mrc", sample / "blobs_2.mrc", "--pixel-size", 3, "--epochs", 1)
    coords = ("--coords", sample, "--box", BOX_PX, "--start", "chance")
    assert run("train", *data, *coords, "--out", tmp_path / "m") == 0
    assert load_model(tmp_path / "m.safetensors").pixel_size == 3


@pytest.mark.parametrize("size", ["0", "-1", "nan", "1001", "x"])
def test_pixel_size_is_one_that_there_can_be(
    sample: Path, model: Path, tmp_path: Path, size: str
) -> None:
    options = ("--model", model, "--out", tmp_path / "p", "--pixel-size", size)
    assert run("pick", sample / "blobs_4.mrc", *options) == 2
