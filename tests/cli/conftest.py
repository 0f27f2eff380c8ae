"""Micrographs, a model and wrong paths for every command."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from cli_runs import Refusal, quick_training, run
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image


@pytest.fixture
def refusal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Refusal:
    monkeypatch.chdir(tmp_path)  # nothing may appear here either
    return Refusal(capsys, tmp_path)


@pytest.fixture(scope="module", autouse=True)
def quick_recipe() -> Iterator[None]:
    with quick_training():
        yield


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four micrographs and their coordinates."""
    folder = tmp_path_factory.mktemp("sample")
    for seed in (1, 2, 3, 4):
        micrograph, centres = blob_micrograph(seed)
        write_image(folder / f"{micrograph.name}.mrc", micrograph.image, micrograph.pixel_size)
        write_coordinates(folder / f"{micrograph.name}.csv", Picks(centres))
    return folder


@pytest.fixture(scope="session")
def model(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "blobs.safetensors"
    with quick_training():
        code = run(
            *("train", sample / "blobs_[123].mrc", "--coords", sample),
            *("--box", BOX_PX, "--out", path, "--epochs", 2, "--start", "chance"),
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


@pytest.fixture
def wrong_paths(data: Path, tmp_path: Path) -> None:
    """Beside the data, what a command can't read from or write to."""
    (tmp_path / "file").touch()
    (tmp_path / "bare").mkdir()
    (tmp_path / "folder.safetensors").mkdir()
    write_coordinates(tmp_path / "others" / "m17.csv", Picks(np.array([[20.0, 30.0]])))
    write_coordinates(tmp_path / "hollow" / "blobs_1.csv", Picks(np.empty((0, 2))))
