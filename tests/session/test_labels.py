from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.training.recipes import recipe_named
from napari_deepem.core.types import Labels, Micrograph, Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image
from napari_deepem.session import Session
from napari_deepem.session.background_labels import drawing_background
from napari_deepem.session.labels import (
    LabelIndex,
    LabelsRead,
    add_labels,
    label_at,
    moved,
    reading_labels,
    with_more,
    without,
    without_inside,
)

CENTRES_YX = np.array([[40.0, 130.0], [90.0, 60.0]])
LABELS = Labels.of([(10, 10), (30, 10)], [(10, 14)], [(50, 50)])


def a_session(**more) -> Session:
    """m1 is in memory, 150 x 200 px, and the current micrograph."""
    micrograph = Micrograph(np.zeros((150, 200)), "m1")
    return Session(micrographs={"m1": micrograph}, current="m1", **more)


def read(session: Session, path: Path) -> LabelsRead:
    return finish(reading_labels(session, path))


def hit(row: float, col: float, reach_px: float = 6.0) -> LabelIndex | None:
    return label_at(LABELS, np.array([row, col]), reach_px)


def test_nearest_label_of_either_kind_is_hit_within_its_square() -> None:
    assert (hit(10, 11).kind, hit(10, 11).index) == ("positive", 0)
    assert (hit(10, 13).kind, hit(10, 13).index) == ("negative", 0)
    assert hit(35.9, 15.9).index == 1
    assert hit(36.1, 10) is None
    assert hit(50, 50) is None
    assert label_at(Labels.of(), np.zeros(2), 99.0) is None


def test_hit_label_is_moved_or_goes_and_the_others_stay() -> None:
    there = moved(LABELS, LabelIndex("positive", 1), np.array([20.0, 21.0]))
    assert there.positive_yx.tolist() == [[10, 10], [20, 21]]
    assert LABELS.positive_yx.tolist() == [[10, 10], [30, 10]]
    gone = without(LABELS, LabelIndex("negative", 0))
    assert (len(gone.positive_yx), len(gone.negative_yx), len(gone.unsure_yx)) == (2, 0, 1)


def test_labels_of_both_kinds_inside_an_outline_go() -> None:
    outline_yx = np.array([(5.0, 5.0), (5.0, 20.0), (15.0, 20.0), (35.0, 5.0)])
    left = without_inside(LABELS, outline_yx)
    assert left.positive_yx.tolist() == [[30, 10]]  # right of the slanting side
    assert len(left.negative_yx) == 0
    assert without_inside(LABELS, outline_yx[:2]) is LABELS


def test_labels_are_added_once() -> None:
    more = with_more(LABELS, "positive", np.array([[30.0, 10.0], [1.0, 2.0], [1.0, 2.0]]))
    assert more.positive_yx.tolist() == [[10, 10], [30, 10], [1, 2]]
    assert len(more.unsure_yx) == 1


@pytest.mark.parametrize("name", ["m1.star", "m1.box", "m1.csv", "by_hand.box"])
def test_labels_are_read_as_they_were_written(name: str, tmp_path: Path) -> None:
    write_coordinates(tmp_path / name, Picks(CENTRES_YX, None, 30))
    found = read(a_session(), tmp_path / name)
    assert list(found.centres_yx) == ["m1"]
    np.testing.assert_array_equal(found.centres_yx["m1"], CENTRES_YX)
    assert found.remarks == ()


def test_few_labels_outside_of_the_image_are_left_out_with_a_remark(tmp_path: Path) -> None:
    inside_yx = np.array([[149.0, 199.0], [0.0, 0.0], [20.0, 30.0], [40.0, 50.0]])
    write_coordinates(tmp_path / "m1.star", Picks(np.append(inside_yx, [[151.0, 10.0]], axis=0)))
    found = read(a_session(), tmp_path / "m1.star")
    np.testing.assert_array_equal(found.centres_yx["m1"], inside_yx)
    assert found.remarks == ("1 of 5 labels lies outside of its micrograph and is left out.",)


def test_labels_that_lie_outside_for_the_most_part_are_refused(tmp_path: Path) -> None:
    """C.6: those that happen to lie inside are no better."""
    centres_yx = np.array([[149.0, 199.0], [151.0, 10.0], [10.0, 201.0]])
    write_coordinates(tmp_path / "m1.star", Picks(centres_yx))
    with pytest.raises(InputError, match=r"2 of 3 coordinates lie outside .*, unbinned"):
        read(a_session(), tmp_path / "m1.star")


def test_labels_that_a_file_has_twice_are_loaded_once_with_a_remark(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "m1.star", Picks(np.concatenate([CENTRES_YX, CENTRES_YX])))
    found = read(a_session(), tmp_path / "m1.star")
    np.testing.assert_array_equal(found.centres_yx["m1"], CENTRES_YX)
    assert found.remarks == ("2 particles are there twice and count once.",)


def test_folder_is_read_for_the_whole_series(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).normal(size=(150, 200))
    files = {name: tmp_path / f"{name}.mrc" for name in ("m1", "m2", "m3")}
    write_image(files["m2"], pixels, 2.0)  # the others' headers are not needed
    for name in ("m1", "m2"):
        write_coordinates(tmp_path / "picks" / f"{name}.star", Picks(CENTRES_YX))
    session = a_session(files=files)
    found = read(session, tmp_path / "picks")
    assert {name: len(each) for name, each in found.centres_yx.items()} == {"m1": 2, "m2": 2}
    add_labels(session, found.centres_yx, "positive")
    assert len(session.labels["m1"].positive_yx) == 2
    session.edits.undo()
    assert len(session.labels["m1"].positive_yx) == 0


def test_table_of_many_micrographs_is_read_for_those_that_are_open(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("micrograph,x,y\nm7,1,2\nm1,3,4\n")
    assert read(a_session(), path).centres_yx["m1"].tolist() == [[4, 3]]


def test_file_of_another_micrograph_of_the_series_is_for_that_one(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "m2.box", Picks(CENTRES_YX, None, 30))
    write_image(tmp_path / "m2.mrc", np.random.default_rng(0).normal(size=(150, 200)), 2.0)
    found = read(a_session(files={"m2": tmp_path / "m2.mrc"}), tmp_path / "m2.box")
    assert list(found.centres_yx) == ["m2"]


def test_file_without_positions_is_said(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "m1.star", Picks(np.empty((0, 2))))
    with pytest.raises(InputError, match="no positions"):
        read(a_session(), tmp_path / "m1.star")


def test_file_of_other_micrographs_is_said(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("micrograph,x,y\nm7,1,2\nm8,3,4\n")
    with pytest.raises(InputError, match="m1"):
        read(a_session(), path)


def test_background_is_drawn_away_from_every_label() -> None:
    image = np.random.default_rng(0).normal(size=(150, 200))
    labels_yx = np.array([[r, c] for r in (20.0, 70.0, 120.0) for c in (20.0, 80.0, 140.0, 190.0)])
    session = a_session(box_size_px=24, binning=1)
    session.micrographs = {"m1": Micrograph(image, "m1")}
    session.labels = {"m1": Labels.of(labels_yx)}
    drawn_yx = finish(drawing_background(session))
    assert 0 < len(drawn_yx) <= len(labels_yx)  # as much of the noise as is unlike them
    assert ((drawn_yx >= 0) & (drawn_yx < (150, 200))).all()
    nearest = np.linalg.norm(drawn_yx[:, None] - labels_yx, axis=2).min(axis=1)
    assert nearest.min() > recipe_named(session.recipe).background_distance * 24 - 1  # rounded
