from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from npe2 import PluginManager

from napari_deepem.io.images import write_image
from napari_deepem.layers.reader import get_reader


@pytest.fixture
def _plugins() -> None:
    """Let napari know what is installed."""
    PluginManager.instance().discover()


@pytest.mark.parametrize(
    "name", ["a.mrc", "a.MRC", "a.mrc.gz", "a.mrc.bz2", "a.mrcs", "a.tif", "a.TIFF", "a.eer"]
)
def test_reader_takes_micrographs(name: str) -> None:
    assert get_reader(name) is not None
    assert get_reader([name, "b.mrc"]) is not None


@pytest.mark.parametrize("path", ["a.png", "a.mrcs.txt", ["a.mrc", "b.jpg"]])
def test_reader_leaves_other_files_to_others(path) -> None:
    assert get_reader(path) is None


@pytest.mark.usefixtures("_plugins")
def test_file_opens_with_its_name_and_pixel_size(tmp_path: Path) -> None:
    image = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    path = tmp_path / "m1.mrc"
    write_image(path, image, 1.34)
    viewer = ViewerModel()
    (layer,) = viewer.open(str(path), plugin="napari-deepem")
    assert layer.name == "m1"
    np.testing.assert_allclose(layer.scale, 1.34, rtol=1e-5)
    assert [str(unit) for unit in layer.units] == ["angstrom", "angstrom"]
    np.testing.assert_array_equal(layer.data, image)


@pytest.mark.usefixtures("_plugins")
def test_movie_opens_as_the_mean_of_its_frames_right_way_up_and_says_so(tmp_path: Path) -> None:
    movie = np.random.default_rng(0).poisson(2, (4, 20, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "m1.tif", movie[:, ::-1], photometric="minisblack")
    notification_manager.records.clear()
    viewer = ViewerModel()
    (layer,) = viewer.open(str(tmp_path / "m1.tif"), plugin="napari-deepem")
    np.testing.assert_array_equal(layer.data, movie.mean(0))
    (record,) = notification_manager.records
    assert "the mean of its 4 frames" in record.message


@pytest.mark.usefixtures("_plugins")
def test_unreadable_file_is_one_line_and_no_layer(tmp_path: Path) -> None:
    path = tmp_path / "broken.mrc"
    path.write_bytes(b"nothing of the kind")
    notification_manager.records.clear()
    viewer = ViewerModel()
    assert viewer.open(str(path), plugin="napari-deepem") == []
    (record,) = notification_manager.records
    assert "broken.mrc" in record.message
    assert "\n" not in record.message


def test_folder_of_micrographs_is_read_as_a_series_and_no_other(tmp_path: Path) -> None:
    from napari_deepem.controllers import folder_drop

    assert folder_drop.get_reader(str(tmp_path)) is None
    write_image(tmp_path / "m1.mrc", np.eye(9, dtype=np.float32), None)
    assert folder_drop.get_reader(str(tmp_path)) is None  # there is no window
    assert get_reader(str(tmp_path)) is None
