from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_deepem.batch.run_folder import RunFolder, picks_of_record
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates, ScoreMap
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.io.images import read_micrograph
from napari_deepem.io.pick_records import (
    RUN,
    Criteria,
    Described,
    PickRecord,
    read_record,
    record_path,
)

CANDIDATES = Candidates(
    np.array([[40.0, 50.0], [20.0, 90.0]]), np.array([0.9, 0.3]), np.ones(2), 24
)


def record(threshold: float = 0.5, stamp: tuple[int, int, int] = (1, 2, 3)) -> PickRecord:
    criteria = Criteria(threshold=threshold, std_range=None, min_distance_px=None)
    described = Described(
        state="picked",
        path="/data/m.mrc",
        stamp=stamp,
        scorer="of a test",
        criteria=criteria,
        box_size_px=24,
    )
    return PickRecord(described, CANDIDATES)


def write(output: RunFolder, name: str, of: PickRecord | None = None, score_map=None) -> list[Path]:
    of = of or record()
    return output.write(picks_of_record(name, of), of, score_map)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != RUN)


@pytest.mark.parametrize("suffix", [".box", ".star", ".csv"])
def test_coordinates_that_a_user_made_are_neither_replaced_nor_hidden(
    tmp_path: Path, suffix: str
) -> None:
    labels = tmp_path / f"m1{suffix}"
    labels.write_text("mine")
    with pytest.raises(InputError, match=r"not picked by this program.*choose another folder"):
        RunFolder(tmp_path, ("star",)).claim(["m0", "m1"])
    assert [path.name for path in tmp_path.iterdir()] == [labels.name]
    assert labels.read_text() == "mine"


def test_coordinates_that_a_user_adds_to_a_run_stay(tmp_path: Path) -> None:
    write(RunFolder(tmp_path, ("star",)), "m1")
    (tmp_path / "m1.box").write_text("mine")
    with pytest.raises(InputError, match=r"m1\.box was not picked by this program"):
        RunFolder(tmp_path, ("star",)).claim(["m1"])
    write(RunFolder(tmp_path, ("star",)), "m1", record(0.2))
    assert (tmp_path / "m1.box").read_text() == "mine"


def test_file_of_a_user_for_all_micrographs_is_not_replaced_in_a_run_of_ours(
    tmp_path: Path,
) -> None:
    write(RunFolder(tmp_path, ("star",)), "m1")
    (tmp_path / "particles.star").write_text("mine")
    output = RunFolder(tmp_path, ("star", "particles"))
    with pytest.raises(InputError, match=r"particles\.star was not picked by this program"):
        output.claim(["m1", "m2"])
    (tmp_path / "particles.star").unlink()
    output.claim(["m1", "m2"])
    write(output, "m1")
    assert output.finish() == [tmp_path / "particles.star"]
    write(RunFolder(tmp_path, ("star",)), "m1")  # stays known as ours
    output.claim(["m2"])


def test_image_of_a_user_is_not_replaced_by_a_score_map(tmp_path: Path) -> None:
    """B.1, C.7"""
    image = tmp_path / "m1_scores.mrc"
    image.write_text("mine")
    with pytest.raises(InputError, match=r"m1_scores\.mrc was not picked by this program"):
        RunFolder(tmp_path, ("star",), with_scores=True).claim(["m1"])
    assert image.read_text() == "mine"
    RunFolder(tmp_path, ("star",)).claim(["m1"])  # nothing is planned there


def test_own_score_maps_are_replaced(tmp_path: Path) -> None:
    for score in (0.1, 0.9):
        output = RunFolder(tmp_path, ("star",), with_scores=True)
        output.claim(["m1"])
        scores = np.full((3, 4), score, dtype=np.float32)
        scores[0, 0] = 0.5
        score_map = ScoreMap(scores, scores, origin_px=0.0, step_px=2.0, box_size_px=24)
        path = write(output, "m1", score_map=score_map)[-1]
        assert read_micrograph(path).image[1, 1] == np.float32(score)
        assert output.has_all("m1")


def test_labels_of_other_micrographs_may_lie_there(tmp_path: Path) -> None:
    (tmp_path / "m2.box").write_text("mine")
    output = RunFolder(tmp_path, ("star",))
    output.claim(["m1"])
    write(output, "m1")
    assert names_in(tmp_path) == ["m1.star", "m2.box"]


def test_picks_by_the_same_criteria_in_more_formats_lie_side_by_side(tmp_path: Path) -> None:
    """C.5: those of two runs at once, too."""
    write(RunFolder(tmp_path, ("box", "star")), "m1")
    write(RunFolder(tmp_path, ("csv",)), "m1")
    assert names_in(tmp_path) == ["m1.box", "m1.csv", "m1.star"]
    RunFolder(tmp_path, ("star",)).claim(["m1"])


@pytest.mark.parametrize("other", [record(0.2), record(stamp=(1, 2, 4))])
def test_picks_by_other_criteria_or_of_other_pixels_are_removed_in_all_formats(
    tmp_path: Path, other: PickRecord
) -> None:
    write(RunFolder(tmp_path, ("box", "star")), "m1")
    write(RunFolder(tmp_path, ("csv",)), "m1", other)
    assert names_in(tmp_path) == ["m1.csv"]


def test_whenever_a_run_ends_its_files_belong_to_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = RunFolder(tmp_path, ("box", "star"))
    write(output, "m1")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_deepem.batch.run_folder.write_record", stop)
    with pytest.raises(KeyboardInterrupt):
        write(output, "m1", record(0.2))
    assert read_record(tmp_path, "m1").described.criteria.threshold == 0.5
    assert not output.has_all("m1")
    monkeypatch.undo()
    monkeypatch.setattr("napari_deepem.batch.run_folder.write_coordinate_set", stop)
    with pytest.raises(KeyboardInterrupt):
        write(output, "m1", record(0.2))
    assert read_record(tmp_path, "m1").described.criteria.threshold == 0.2
    assert not output.has_all("m1")
    output.claim(["m1"])  # may go on


def test_folder_is_made_when_there_is_something_to_write(tmp_path: Path) -> None:
    """C.7"""
    output = RunFolder(tmp_path / "new" / "picks", ("star",))
    output.claim(["m1"])
    assert list(tmp_path.iterdir()) == []
    write(output, "m1")
    assert names_in(tmp_path / "new" / "picks") == ["m1.star"]


def test_damaged_record_protects_everything(tmp_path: Path) -> None:
    output = RunFolder(tmp_path, ("star",))
    write(output, "m1")
    path = record_path(tmp_path, "m1")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"m1\.star was not picked"):
        output.claim(["m1"])


def test_runs_side_by_side_each_have_their_micrographs(tmp_path: Path) -> None:
    """C.5: an array job; the next run may replace what each of them has picked."""
    for task in range(5):
        output = RunFolder(tmp_path, ("star",))
        output.claim([f"m{task}"])
        write(output, f"m{task}")
    names = [f"m{task}" for task in range(5)]
    again = RunFolder(tmp_path, ("csv",))
    again.claim(names)
    for name in names:
        write(again, name, record(0.2))
    assert names_in(tmp_path) == [f"{name}.csv" for name in names]
    assert [len(read_coordinates(tmp_path / f"{name}.csv")) for name in names] == [2] * 5


def test_failure_does_not_take_the_place_of_picks(tmp_path: Path) -> None:
    """The file may be on its way to an archive."""
    output = RunFolder(tmp_path, ("star",))
    failed = record().described.model_copy(update={"state": "failed", "remark": "gone"})
    output.write_failure("m1", failed)
    assert read_record(tmp_path, "m1").described.remark == "gone"
    write(output, "m1")
    output.write_failure("m1", failed)
    assert len(read_record(tmp_path, "m1").candidates) == 2
    assert names_in(tmp_path) == ["m1.star"]
