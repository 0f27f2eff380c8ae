from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.prepare import prepare_micrograph
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.crops import PaddedImage, box_corners
from napari_deepem.core.types import Candidates, Labels
from napari_deepem.io.images import write_image
from napari_deepem.session import Session, box_pictures


def result_of(job):
    while True:
        try:
            next(job)
        except StopIteration as end:
            return end.value


def test_strip_shows_what_the_network_sees() -> None:
    micrograph, centres = blob_micrograph(1)
    session = Session(start="chance", box_size_px=BOX_PX, micrographs={"a": micrograph})
    session.labels = {"a": Labels.of(centres[:3], centres[5:6])}
    session.display.filtered = False
    found = result_of(box_pictures.cutting_training_boxes(session, count=4)())
    prepared = prepare_micrograph(micrograph, BOX_PX, Sampling(1))
    boxes = PaddedImage.of(prepared, BOX_PX).cut(box_corners(centres[:3], BOX_PX), BOX_PX)
    around = BOX_PX // 4
    middle = found.positives[:, around:-around, around:-around]
    np.testing.assert_array_equal(middle, box_pictures.grey(boxes))
    side_px = BOX_PX + 2 * around
    assert found.negatives.shape == (4, side_px, side_px)  # one labelled, three drawn
    assert (found.labelled, found.sampling, found.box_px) == (1, Sampling(1), BOX_PX)


def test_background_of_the_strip_is_clear_of_what_a_network_picks() -> None:
    micrograph, centres = blob_micrograph(1)
    session = Session(start="chance", box_size_px=BOX_PX, micrographs={"a": micrograph})
    session.labels, session.std_range = {"a": Labels.of(centres[:1])}, (0.0, 9.0)
    session.display.filtered = False
    assert (
        "may hold particles"
        in result_of(box_pictures.cutting_training_boxes(session, count=9)()).background_text
    )
    scores, grid_yx = np.full(len(centres), 0.9), np.array(centres, dtype=float)
    session.current = "a"
    session.candidates = {"a": Candidates(grid_yx, scores, np.ones(len(centres)), BOX_PX)}
    drawn = result_of(box_pictures.cutting_training_boxes(session, count=9)())
    assert drawn.background_text == "background"
    middle = drawn.negatives[:, drawn.negatives.shape[1] // 2, drawn.negatives.shape[2] // 2]
    of_particles = drawn.positives[0, drawn.positives.shape[1] // 2, drawn.positives.shape[2] // 2]
    assert len(drawn.negatives) == 9
    assert (np.abs(middle.astype(int) - of_particles) > 60).all()


def test_grey_runs_over_three_sigmas_to_either_side() -> None:
    values = box_pictures.grey(np.array([[[-9.0, -3.0, 0.0, 3.0, 9.0]]], np.float32))
    assert values.tolist() == [[[0, 0, 127, 255, 255]]]


def test_without_particles_or_room_for_a_box_there_is_no_strip() -> None:
    micrograph, centres = blob_micrograph(1)
    session = Session(box_size_px=BOX_PX, micrographs={"a": micrograph})
    assert result_of(box_pictures.cutting_training_boxes(session, count=4)()) is None
    session.labels, session.box_size_px = {"a": Labels.of(centres)}, 120
    assert result_of(box_pictures.cutting_training_boxes(session, count=4)()) is None


@pytest.fixture
def model() -> Model:
    network = Network(Architecture.for_box(24)).eval()
    return Model(network, "modern", 48, Sampling(2), None, threshold=0.5, std_range=(0.0, 5.0))


def test_boxes_of_other_micrographs_are_cut_from_their_files(model: Model, tmp_path: Path) -> None:
    micrograph, centres = blob_micrograph(1)
    write_image(tmp_path / "b.mrc", micrograph.image, None)
    session = Session(model=model, micrographs={"a": replace(micrograph, name="a")})
    session.files = {"b": tmp_path / "b.mrc"}
    session.display.filtered = False  # in Angstrom, and the file gives no pixel size
    wanted = {"a": centres, "b": centres[:2]}
    (first, _, here), (second, _, read) = box_pictures.cutting(session, wanted)()
    assert (first, second) == ("a", "b")
    assert here.shape == (len(centres), 36, 36)  # with what lies around the box
    np.testing.assert_array_equal(read, here[:2])


def test_changed_image_is_prepared_anew() -> None:
    micrograph, centres = blob_micrograph(1)
    other = replace(micrograph, image=micrograph.image[::-1].copy())
    before, changed, after = (
        box_pictures.pictures_of(each, centres, BOX_PX, Sampling(1))
        for each in (micrograph, other, micrograph)
    )
    assert not np.array_equal(changed, before)
    np.testing.assert_array_equal(after, before)


def test_boxes_are_shown_without_the_noise_where_the_micrograph_is() -> None:
    """E.4: particles of 36 px are not seen in what the network sees."""
    micrograph, centres = blob_micrograph(1)
    session = Session(box_size_px=BOX_PX, micrographs={"a": micrograph}, binning=1)
    session.labels = {"a": Labels.of(centres)}
    session.display.low_pass_angstrom = 16

    def pictures() -> np.ndarray:
        boxes = result_of(box_pictures.cutting_training_boxes(session, count=9)())
        return boxes.positives.astype(float)

    def grain(boxes: np.ndarray) -> float:
        """What one pixel differs from the next by, in whole contrasts."""
        return float(np.abs(np.diff(boxes, axis=2)).mean() / boxes.std())

    filtered = pictures()
    session.display.filtered = False
    raw = pictures()
    assert filtered.shape == raw.shape
    assert grain(filtered) < 0.5 * grain(raw)


def test_pictures_are_filtered_by_their_box_until_a_low_pass_is_set() -> None:
    display = Session().display
    assert display.low_pass.in_angstrom(160, 2.0) == 40.0
    assert display.low_pass.in_angstrom(160, None) == 20.0  # 1 A/px
    display.low_pass_angstrom = 12
    assert display.low_pass.in_angstrom(160, 2.0) == 12.0
    display.filtered = False
    assert display.low_pass.in_angstrom(160, 2.0) == 0.0
