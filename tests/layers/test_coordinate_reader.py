"""Coordinate files opened in napari, and Points layers saved as coordinate files."""

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from npe2 import PluginManager

from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import FORMATS, read_coordinates, write_coordinates
from napari_deepem.io.coordinates.rows import NO_SCORE
from napari_deepem.io.images import write_image
from napari_deepem.layers.coordinate_reader import MOST_LAYERS, get_reader
from napari_deepem.layers.label_points import resize

CENTRES_YX = np.array([[10.0, 70.0], [33.0, 2.0]])
SCORES = np.array([0.9, 0.25])
SHAPE, PIXEL_SIZE = (40, 90), 1.5


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch) -> ViewerModel:
    """The viewer in use, without a window."""
    PluginManager.instance().discover()
    viewer = ViewerModel()
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)
    notification_manager.records.clear()
    return viewer


def save_micrograph(path: Path) -> Path:
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    write_image(path, image, PIXEL_SIZE)
    return path


def save_picks(path: Path, box_size_px: int | None = 20) -> str:
    write_coordinates(path, Picks(CENTRES_YX, SCORES, box_size_px))
    return str(path)


def messages() -> list[str]:
    return [record.message for record in notification_manager.records]


@pytest.mark.parametrize("name", ["m1.star", "m1.STAR", "m1.csv", "m1.box"])
def test_reader_takes_coordinate_files(tmp_path: Path, name: str) -> None:
    assert get_reader(save_picks(tmp_path / name)) is not None


def test_reader_leaves_other_files_to_others(tmp_path: Path) -> None:
    table = tmp_path / "results.csv"
    table.write_text("micrograph,defocus\nm1,1.5\n")
    settings = tmp_path / "job.star"
    settings.write_text("data_job\n\n_rlnJobTypeLabel  relion.import\n")
    binary = tmp_path / "binary.star"
    binary.write_bytes(bytes(range(256)))
    folder = tmp_path / "folder.box"
    folder.mkdir()
    for path in (table, settings, binary, folder, tmp_path / "m1.png", tmp_path / "missing.box"):
        assert get_reader(str(path)) is None
    assert get_reader([save_picks(tmp_path / "m1.box"), str(table)]) is None


@pytest.mark.parametrize("folder", ["", "picks"])
def test_points_lie_on_the_micrograph_beside_the_file(
    viewer: ViewerModel, tmp_path: Path, folder: str
) -> None:
    save_micrograph(tmp_path / "m1_DW.mrc")
    path = save_picks(tmp_path / folder / "m1.star")
    (points,) = viewer.open(path, plugin="napari-deepem")
    assert points.name == "m1.star"
    np.testing.assert_array_equal(points.data, CENTRES_YX)
    np.testing.assert_allclose(points.data_to_world((10, 70)), (15, 105), rtol=1e-6)
    assert [str(unit) for unit in points.units] == ["angstrom", "angstrom"]
    np.testing.assert_allclose(points.features["score"], SCORES)


def test_points_lie_on_the_micrograph_that_is_open(viewer: ViewerModel, tmp_path: Path) -> None:
    for name in ("m1", "m2"):
        viewer.open(str(save_micrograph(tmp_path / f"{name}.mrc")), plugin="napari-deepem")
    image = viewer.layers["m1"]
    image.scale, image.translate = (3.0, 3.0), (7.0, -4.0)
    path = save_picks(tmp_path / "aligned_m1_DW.box", 24)
    (points,) = viewer.open(path, plugin="napari-deepem")
    np.testing.assert_array_equal(points.data_to_world((33, 2)), image.data_to_world((33, 2)))
    assert points.size.tolist() == [24.0, 24.0]
    assert {str(symbol) for symbol in points.symbol} == {"square"}


def test_of_a_file_of_many_the_open_micrographs_are_shown(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    table = tmp_path / "all.csv"
    rows = [f"m{number},{number},2,0.5" for number in range(MOST_LAYERS + 5)]
    table.write_text("\n".join(["micrograph,x,y,score", *rows]))
    layers = viewer.open(str(table), plugin="napari-deepem")
    assert len(layers) == MOST_LAYERS
    assert [layer.visible for layer in layers] == [True] + [False] * (MOST_LAYERS - 1)
    assert messages() == [
        f"all.csv: shows the picks of those of {MOST_LAYERS + 5} micrographs that come first, "
        "not of 5 others"
    ]
    viewer.layers.clear()
    viewer.open(str(save_micrograph(tmp_path / "m12.mrc")), plugin="napari-deepem")
    (points,) = viewer.open(str(table), plugin="napari-deepem")
    assert points.name == "m12.csv"
    np.testing.assert_array_equal(points.data, [[2.0, 12.0]])


def test_file_that_cannot_be_read_is_one_line_and_no_layer(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    path = tmp_path / "m1.box"
    path.write_text("1\t2\t3\n")
    assert viewer.open(str(path), plugin="napari-deepem") == []
    assert messages() == [f"{path}, line 1: expected x y width height, found 3 columns"]


@pytest.mark.parametrize(
    "format", [each for each in FORMATS if ".csv" not in each.suffixes], ids=lambda each: each.name
)
def test_saved_points_are_pixels_of_the_micrograph(
    viewer: ViewerModel, tmp_path: Path, format
) -> None:
    viewer.open(str(save_micrograph(tmp_path / "m1.mrc")), plugin="napari-deepem")
    (points,) = viewer.open(save_picks(tmp_path / "m1.csv", None), plugin="napari-deepem")
    resize(points, 24)
    points.add([[20.0, 5.0]])
    path = tmp_path / "saved" / f"m1{format.suffixes[0]}"
    writers = {
        each.command: each for each in PluginManager.instance().iter_compatible_writers(["points"])
    }
    writer = writers[f"napari-deepem.write_{format.name}"]
    assert viewer.layers.save(str(path), selected=True, _writer=writer) == [str(path)]
    back = format.read(path).picks()
    np.testing.assert_allclose(back.centres_yx, [*CENTRES_YX, [20.0, 5.0]], atol=1e-5)
    if "score" in format.keeps:
        np.testing.assert_allclose(back.scores, [0.9, 0.25, NO_SCORE])
        assert messages() == ["1 point without a score: the file says that there is none"]
    if "box" in format.keeps:
        assert back.box_size_px == 24


def test_points_without_a_box_are_not_saved_as_boxes(viewer: ViewerModel, tmp_path: Path) -> None:
    (points,) = viewer.open(save_picks(tmp_path / "m1.star"), plugin="napari-deepem")
    with pytest.raises(OSError, match="box files need the box size, which is not known; give"):
        viewer.layers.save(str(tmp_path / "m1.box"))
    points.size = 30
    viewer.layers.save(str(tmp_path / "m1.box"))
    assert read_coordinates(tmp_path / "m1.box").box_size_px == 30
    assert messages()[-1] == "scores are left out: box files hold none"


def test_points_of_three_axes_are_refused(viewer: ViewerModel, tmp_path: Path) -> None:
    viewer.add_points(np.ones((2, 3)))
    with pytest.raises(OSError, match="points have 3 axes; points on one micrograph have 2"):
        viewer.layers.save(str(tmp_path / "m1.star"))
    assert not (tmp_path / "m1.star").exists()
