"""Labels of two people as files, merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_deepem.batch.merge_labels import NON_PARTICLES, merge_label_files
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import NO_LABELS, Labels, Picks
from napari_deepem.io.coordinates import read_coordinates, write_coordinates
from napari_deepem.io.session_file import SessionFile, Stored, look_into
from napari_deepem.io.session_labels import labels_in, points_of
from napari_deepem.io.session_places import SESSION_FILE


def session(folder: Path, labels: dict[str, Labels], verdicts: Labels = NO_LABELS) -> Path:
    folder.mkdir()
    points = {name: points_of(each, verdicts) for name, each in labels.items()}
    files = {name: f"{name}.mrc" for name in labels}
    SessionFile(folder / SESSION_FILE).close(Stored({"box_size_px": 40}, points, files=files))
    return folder


def test_two_sessions_become_one_that_opens_and_coordinate_files(tmp_path: Path) -> None:
    anna = session(tmp_path / "anna", {"m1": Labels.of([(10, 10), (90, 90)], [(50, 50)])})
    ben = session(tmp_path / "ben", {"m1": Labels.of([(14, 10)]), "m2": Labels.of([(5, 5)])})
    merged = merge_label_files(anna, ben, tmp_path / "out", format="csv")
    assert merged.agreement.f1 == pytest.approx(2 / 3)
    assert (merged.radius_px, merged.of_one) == (10, ["m2"])
    assert read_coordinates(tmp_path / "out" / "m1.csv").centres_yx.tolist() == [[12, 10], [90, 90]]
    assert read_coordinates(tmp_path / "out" / "m2.csv").centres_yx.tolist() == [[5, 5]]
    negatives = read_coordinates(tmp_path / "out" / NON_PARTICLES / "m1.csv")
    assert negatives.centres_yx.tolist() == [[50, 50]]
    stored = look_into(tmp_path / "out" / SESSION_FILE)
    assert stored.settings == {"box_size_px": 40}
    assert stored.files == {"m1": "m1.mrc", "m2": "m2.mrc"}
    assert labels_in(stored)["m1"].positive_yx.tolist() == [[12, 10], [90, 90]]


def test_verdicts_count_as_labels(tmp_path: Path) -> None:
    anna = session(tmp_path / "anna", {"m1": NO_LABELS}, Labels.of([(10, 10)], [(70, 70)]))
    ben = session(tmp_path / "ben", {"m1": Labels.of([(10, 10), (70, 70)])})
    merged = merge_label_files(anna, ben, tmp_path / "out")
    assert merged.labels["m1"].positive_yx.tolist() == [[10, 10]]
    assert merged.labels["m1"].unsure_yx.tolist() == [[70, 70]]
    assert merged.agreement.contested == 1


def test_a_verdict_holds_over_an_older_label_of_the_same_person(tmp_path: Path) -> None:
    labels = Labels.of([(10, 10), (90, 90)], [(50, 50)])
    anna = session(tmp_path / "anna", {"m1": labels}, Labels.of([(52, 50)], [(10, 12)]))
    ben = session(tmp_path / "ben", {"m1": Labels.of([(90, 90)])})
    merged = merge_label_files(anna, ben, tmp_path / "out").labels["m1"]
    assert sorted(merged.positive_yx.tolist()) == [[52, 50], [90, 90]]
    assert merged.negative_yx.tolist() == [[10, 12]]


def test_boxes_that_differ_are_told(tmp_path: Path) -> None:
    folders = [session(tmp_path / each, {"m1": Labels.of([(9, 9)])}) for each in ("anna", "ben")]
    assert merge_label_files(*folders, tmp_path / "same").remarks == ()
    (folders[1] / SESSION_FILE).unlink()
    points = {"m1": points_of(Labels.of([(9, 9)]), NO_LABELS)}
    SessionFile(folders[1] / SESSION_FILE).close(Stored({"box_size_px": 80}, points))
    (remark,) = merge_label_files(*folders, tmp_path / "out").remarks
    assert "40 and 80 px" in remark


def test_micrographs_of_one_alone_are_left_out_where_both_must_agree(tmp_path: Path) -> None:
    anna = session(tmp_path / "anna", {"m1": Labels.of([(10, 10)])})
    ben = session(tmp_path / "ben", {"m1": Labels.of([(10, 10)]), "m2": Labels.of([(5, 5)])})
    merged = merge_label_files(anna, ben, tmp_path / "out", keep="both")
    assert (list(merged.labels), merged.of_one) == (["m1"], ["m2"])
    assert not (tmp_path / "out" / "m2.star").exists()


def test_coordinates_need_a_box_where_no_file_has_it(tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "other"
    for folder in folders:
        folder.mkdir()
        write_coordinates(folder / "m1.star", Picks(Labels.of([(10, 10)]).positive_yx))
    with pytest.raises(InputError, match="give --box"):
        merge_label_files(*folders, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    merged = merge_label_files(*folders, tmp_path / "out", box_size_px=40)
    assert [path.name for path in merged.paths] == ["m1.star"]  # no session, where none was read


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    anna = session(tmp_path / "anna", {"m1": Labels.of([(10, 10)])})
    ben = session(tmp_path / "ben", {"m1": Labels.of([(10, 10)]), "m2": NO_LABELS})
    merge_label_files(anna, ben, tmp_path / "out")
    with pytest.raises(InputError, match="--overwrite"):
        merge_label_files(anna, ben, tmp_path / "out")
    merge_label_files(anna, ben, tmp_path / "out", overwrite=True)
    assert labels_in(look_into(tmp_path / "out" / SESSION_FILE))["m2"].positive_yx.tolist() == []


def test_session_of_a_window_is_never_replaced(tmp_path: Path) -> None:
    anna = session(tmp_path / "anna", {"m1": Labels.of([(10, 10)])})
    file = SessionFile(anna / SESSION_FILE)
    file.close(Stored({"threshold": 0.4}))
    before = (anna / SESSION_FILE).read_bytes()
    with pytest.raises(InputError, match="choose another folder"):
        merge_label_files(anna, anna, anna, overwrite=True)
    assert (anna / SESSION_FILE).read_bytes() == before
    assert not (anna / "m1.star").exists()


def test_session_that_is_open_in_a_window_is_read_but_not_replaced(tmp_path: Path) -> None:
    anna = session(tmp_path / "anna", {"m1": Labels.of([(10, 10)])})
    ben = session(tmp_path / "ben", {"m1": Labels.of([(10, 10)])})
    window = SessionFile(anna / SESSION_FILE)
    try:
        with pytest.raises(InputError, match="open in another window"):
            merge_label_files(anna, ben, anna, overwrite=True)
        assert not (anna / "m1.star").exists()
        assert merge_label_files(anna, ben, tmp_path / "out").agreement.f1 == 1
    finally:
        window.close()


def test_sets_without_a_common_micrograph_are_refused(tmp_path: Path) -> None:
    anna = session(tmp_path / "anna", {"m1": Labels.of([(10, 10)])})
    ben = session(tmp_path / "ben", {"n2": Labels.of([(10, 10)])})
    with pytest.raises(InputError, match="names must agree"):
        merge_label_files(anna, ben, tmp_path / "out")
