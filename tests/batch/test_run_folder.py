from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_deepem.batch.run_folder import FIRST_RECORD, RECORDS, PickFolder
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks, ScoreMap
from napari_deepem.io.coordinates import MicrographPicks
from napari_deepem.io.images import read_micrograph

PICKS = Picks(np.array([[40.0, 50.0]]), np.array([0.9]), 24)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*"))


def records_in(folder: Path) -> list[Path]:
    return list(folder.glob(f"{RECORDS}*"))


@pytest.mark.parametrize("suffix", [".box", ".star", ".csv"])
def test_coordinates_that_a_user_made_are_neither_replaced_nor_hidden(
    tmp_path: Path, suffix: str
) -> None:
    labels = tmp_path / f"m1{suffix}"
    labels.write_text("mine")
    with pytest.raises(InputError, match=r"not picked by this program.*choose another folder"):
        PickFolder.claim(tmp_path, ["m0", "m1"], ("star",))
    assert names_in(tmp_path) == [labels.name]
    assert labels.read_text() == "mine"
    assert records_in(tmp_path) == []


def test_image_of_a_user_is_not_replaced_by_a_score_map(tmp_path: Path) -> None:
    """B.1, C.7"""
    image = tmp_path / "m1_scores.mrc"
    image.write_text("mine")
    with pytest.raises(InputError, match=r"m1_scores\.mrc was not picked by this program"):
        PickFolder.claim(tmp_path, ["m1"], ("star",), with_scores=True)
    assert image.read_text() == "mine"
    PickFolder.claim(tmp_path, ["m1"], ("star",))  # nothing is planned there


def test_own_score_maps_are_replaced(tmp_path: Path) -> None:
    for score in (0.1, 0.9):
        output = PickFolder.claim(tmp_path, ["m1"], ("star",), with_scores=True)
        output.write(MicrographPicks("m1", PICKS))
        scores = np.full((3, 4), score, dtype=np.float32)
        scores[0, 0] = 0.5
        score_map = ScoreMap(scores, scores, origin_px=0.0, step_px=2.0, box_size_px=24)
        path = output.write_scores("m1", score_map, 1.5)
        written = read_micrograph(path)
        assert written.image[1, 1] == np.float32(score)
        assert written.pixel_size == 3.0


def test_labels_of_other_micrographs_may_lie_there(tmp_path: Path) -> None:
    (tmp_path / "m2.box").write_text("mine")
    PickFolder.claim(tmp_path, ["m1"], ("star",)).write(MicrographPicks("m1", PICKS))
    assert names_in(tmp_path) == ["m1.star", "m2.box"]


def test_own_picks_are_replaced_also_those_in_another_format(tmp_path: Path) -> None:
    PickFolder.claim(tmp_path, ["m1", "m2"], ("box", "star")).write(MicrographPicks("m1", PICKS))
    assert names_in(tmp_path) == ["m1.box", "m1.star"]
    again = PickFolder.claim(tmp_path, ["m1"], ("csv",))
    assert names_in(tmp_path) == ["m1.box", "m1.star"]  # nothing is lost before there is more
    again.write(MicrographPicks("m1", PICKS))
    assert names_in(tmp_path) == ["m1.csv"]


def test_folder_is_made_when_there_is_something_to_write(tmp_path: Path) -> None:
    """C.7"""
    output = PickFolder.claim(tmp_path / "new" / "picks", ["m1"], ("star",))
    assert list(tmp_path.iterdir()) == []
    output.write(MicrographPicks("m1", PICKS))
    assert names_in(tmp_path / "new" / "picks") == ["m1.star"]


def test_damaged_record_protects_everything(tmp_path: Path) -> None:
    PickFolder.claim(tmp_path, ["m1"], ("csv",)).write(MicrographPicks("m1", PICKS))
    (record,) = records_in(tmp_path)
    record.write_text("{")
    with pytest.raises(InputError, match=r"m1\.csv was not picked"):
        PickFolder.claim(tmp_path, ["m1"], ("csv",))


@pytest.mark.parametrize(("content", "is_ours"), [('["m1.csv"]', True), ("{", False), ("7", False)])
def test_record_of_the_first_version_is_still_read(
    tmp_path: Path, content: str, is_ours: bool
) -> None:
    (tmp_path / "m1.csv").write_text("picks")
    (tmp_path / FIRST_RECORD).write_text(content)
    if is_ours:
        PickFolder.claim(tmp_path, ["m1"], ("box",)).write(MicrographPicks("m1", PICKS))
        assert names_in(tmp_path) == ["m1.box"]
    else:
        with pytest.raises(InputError, match=r"m1\.csv was not picked"):
            PickFolder.claim(tmp_path, ["m1"], ("box",))


def test_runs_side_by_side_each_have_their_micrographs(tmp_path: Path) -> None:
    """C.5: an array job; the next run may replace what each of them has picked."""
    runs = [PickFolder.claim(tmp_path, [f"m{task}"], ("star",)) for task in range(5)]
    for task, run in enumerate(runs):
        run.write(MicrographPicks(f"m{task}", PICKS))
    names = [f"m{task}" for task in range(5)]
    again = PickFolder.claim(tmp_path, names, ("csv",))
    for name in names:
        again.write(MicrographPicks(name, PICKS))
    assert names_in(tmp_path) == [f"{name}.csv" for name in names]
    assert len(records_in(tmp_path)) == 6


def test_runs_side_by_side_take_nothing_from_each_other(tmp_path: Path) -> None:
    """C.5: two of the same micrograph, in different formats: both are there."""
    first = PickFolder.claim(tmp_path, ["m1"], ("box",))
    second = PickFolder.claim(tmp_path, ["m1"], ("star",))
    first.write(MicrographPicks("m1", PICKS))
    second.write(MicrographPicks("m1", PICKS))
    assert names_in(tmp_path) == ["m1.box", "m1.star"]
    third = PickFolder.claim(tmp_path, ["m1", "m2"], ("box", "star"))
    third.write(MicrographPicks("m1", PICKS))
    assert names_in(tmp_path) == ["m1.box", "m1.star"]
    assert len(records_in(tmp_path)) == 1
