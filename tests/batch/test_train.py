from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.batch.train import LabelledFiles, find_labelled, train_on_files
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train
from napari_deepem.core.types import Labels, Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Three micrographs, the second without coordinates."""
    paths = []
    for seed in (1, 2, 3):
        micrograph, centres = blob_micrograph(seed)
        paths.append(tmp_path / f"{micrograph.name}.mrc")
        write_image(paths[-1], micrograph.image, micrograph.pixel_size)
        if seed != 2:
            write_coordinates(tmp_path / "coords" / f"{micrograph.name}.csv", Picks(centres))
    return paths


def test_micrographs_are_found_together_with_their_own_coordinates(
    paths: list[Path], tmp_path: Path
) -> None:
    labelled = find_labelled(paths, tmp_path / "coords", BOX_PX)
    assert [path.stem for path in labelled.paths] == ["blobs_1", "blobs_3"]
    assert labelled.without_labels == ["blobs_2"]
    assert labelled.n_particles == 18
    for labels, seed in zip(labelled.labels, (1, 3), strict=True):
        _, centres = blob_micrograph(seed)
        np.testing.assert_array_equal(labels.positive_yx, centres)
        assert labels.negative_yx.shape == (0, 2)


def test_boxes_below_cryolos_threshold_are_told_of(paths: list[Path], tmp_path: Path) -> None:
    picks = Picks(np.array([[20.0, 30.0], [60.0, 90.0]]), np.array([0.9, 0.1]), BOX_PX)
    write_coordinates(tmp_path / "boxes" / "blobs_2.cbox", picks)
    (remark,) = find_labelled(paths, tmp_path / "boxes", BOX_PX).advice
    assert "below its threshold" in remark
    job = train_on_files(paths, tmp_path / "boxes", TrainingSettings(BOX_PX, epochs=1))
    news = next(job)
    assert isinstance(news, LabelledFiles)
    assert remark in news.advice


def test_micrographs_without_coordinates_are_not_even_read(
    paths: list[Path], tmp_path: Path
) -> None:
    paths[1].write_bytes(b"broken")
    settings = TrainingSettings(BOX_PX, recipe_name="deepem2017", epochs=1)
    news = next(train_on_files(paths, tmp_path / "coords", settings))
    assert isinstance(news, LabelledFiles)
    paths[2].write_bytes(b"broken")
    with pytest.raises(InputError, match="blobs_3"):
        next(train_on_files(paths, tmp_path / "coords", settings))


def test_training_on_files_is_training_on_what_they_hold(paths: list[Path], tmp_path: Path) -> None:
    settings = TrainingSettings(BOX_PX, recipe_name="deepem2017", epochs=2, seed=5)
    job = train_on_files(paths, tmp_path / "coords", settings)
    news = []
    try:
        while True:
            news.append(next(job))
    except StopIteration as end:
        model = end.value
    labelled = [item for item in news if isinstance(item, LabelledFiles)]
    assert [len(item.paths) for item in labelled] == [2]
    assert [item.epoch for item in news if isinstance(item, EpochDone)] == [1, 2]

    pairs = [blob_micrograph(seed) for seed in (1, 3)]
    expected = train(
        [micrograph for micrograph, _ in pairs],
        [Labels.of(centres) for _, centres in pairs],
        BOX_PX,
        recipe="deepem2017",
        epochs=2,
        seed=5,
    )
    assert model.summary == expected.summary
    assert (model.threshold, model.std_range) == (expected.threshold, expected.std_range)
