from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from blobs import BOX_PX, blob_sample
from napari_deepem.batch.tuning.files import open_study
from napari_deepem.batch.tuning.search_space import MAPS, MORE_CELLS
from napari_deepem.batch.tuning.study import Repeat, Study
from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.dataset import prepare_fields
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.variants import Variant

ABOUT = {"box": "88 px", "seed": "0"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.jsonl"


def study_at(path: Path, about: dict[str, str] = ABOUT, epochs: int = 4) -> Study:
    return Study.open(path, about, 0, epochs)


def with_default(path: Path, ap: float = 0.8, box_aps: Sequence[float] = (0.9,)) -> Study:
    """A study whose default is trained."""
    study = study_at(path)
    study.add_default(Repeat(0, 0, ap, None, 11.0), box_aps)
    return study


def test_study_keeps_what_it_is_told(path: Path) -> None:
    study = with_default(path)
    first = study.propose()
    study.finish(first, 0.85, 12.0)
    second = study.propose()
    study.give_up(second, "no time left for it", 3.0, is_bad=False)
    study.add_repeat(Repeat(1, 5, 0.84, 0.79, 12.5))
    study.propose()  # and then the command is killed
    again = study_at(path)
    assert [trial.number for trial in again.trials] == [0, 1, 2]
    assert [trial.variant for trial in again.trials] == [Variant(), first.variant, second.variant]
    assert [trial.ap for trial in again.trials] == [0.8, 0.85, None]
    assert [trial.seconds for trial in again.trials] == [11.0, 12.0, 3.0]
    assert [trial.note for trial in again.trials] == ["", "", "no time left for it"]
    assert again.repeats == {
        (0, 0): Repeat(0, 0, 0.8, None, 11.0),
        (1, 5): Repeat(1, 5, 0.84, 0.79, 12.5),
    }


def test_proposal_that_a_kill_cut_short_is_made_again(path: Path) -> None:
    """B.5"""
    with_default(path)
    before = path.read_bytes()
    for _ in range(3):
        proposals = [study_at(path).propose().variant for _ in range(2)]
        assert proposals[0] == proposals[1]
        assert path.read_bytes() == before


def test_two_commands_share_a_study(path: Path) -> None:
    """B.5: each adds to what the other has added meanwhile."""
    one, other = study_at(path), study_at(path)
    for study in (one, other):
        study.add_default(Repeat(0, 0, 0.8, None, 11.0), [0.9])
    for study, ap in ((one, 0.7), (other, 0.7), (one, 0.6)):
        trial = study.propose()
        study.finish(trial, ap, 1.0)
    other.add_repeat(Repeat(1, 5, 0.84, None, 2.0))
    both = study_at(path)
    tried = [(trial.variant, trial.ap) for trial in both.trials]
    assert tried == [(trial.variant, trial.ap) for trial in one.trials]
    assert [trial.variant for trial in other.trials] == [trial.variant for trial in one.trials[:2]]
    assert both.repeats.keys() == {(0, 0), (1, 5)}


def test_file_that_is_cut_short_loses_its_last_line_alone(path: Path) -> None:
    """B.5"""
    study = with_default(path)
    study.finish(study.propose(), 0.85, 12.0)
    whole = path.read_bytes()
    last_line = whole.rstrip(b"\n").rindex(b"\n") + 1
    for length in (last_line, last_line + 1, len(whole) - 1):
        path.write_bytes(whole[:length])
        again = study_at(path)
        assert len(again.trials) == 1
        again.finish(again.propose(), 0.85, 12.0)
        assert path.read_bytes() == whole


def test_empty_file_becomes_a_study(path: Path) -> None:
    """B.5: such as a full disk leaves."""
    path.touch()
    with_default(path)
    assert len(study_at(path).trials) == 1


def test_full_disk_leaves_the_study_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B.5"""
    study = with_default(path)
    before, trial = path.read_bytes(), study.propose()

    def fill_the_disk(self: Path, _content: bytes) -> int:
        self.open("wb").write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fill_the_disk)
        with pytest.raises(InputError, match="the disk is full"):
            study.finish(trial, 0.7, 1.0)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_proposals_stay_within_the_space_and_differ_from_session_to_session(path: Path) -> None:
    with_default(path)
    proposals = []
    for _ in range(3):
        study = study_at(path)
        for _ in range(4):
            trial = study.propose()
            study.finish(trial, 0.7, 1.0)
            proposals.append(trial.variant)
    assert len(set(proposals)) == len(proposals)
    for variant in proposals:
        assert variant.maps in MAPS
        assert variant.more_cells in MORE_CELLS.values()
        assert all(0.6 <= factor <= 1.8 for factor in variant.kernels)
        assert 0.25 <= variant.learning_rate <= 4.0
        assert 0.5 <= variant.negatives <= 4.0


def test_only_the_worst_are_hopeless_and_not_before_half_of_the_epochs(path: Path) -> None:
    study = with_default(path, 0.9, [0.5, 0.8, 0.9, 0.9])
    for _ in range(4):
        trial = study.propose()
        assert not any(study.is_hopeless(epoch, 0.1) for epoch in (1, 2, 3, 4))
        study.finish(trial, 0.5, 1.0)  # too few to compare with
    good = study.propose()
    assert not study.is_hopeless(1, 0.6)
    assert not study.is_hopeless(2, 0.6)
    study.finish(good, 0.6, 1.0)
    study = study_at(path)  # which remembers how the others did
    study.propose()
    assert not study.is_hopeless(1, 0.05)
    assert study.is_hopeless(2, 0.05)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"box": "80 px", "seed": "0"}, "is a study of box 88 px, this is 80 px: give another"),
        ({"box": "88 px", "seed": "1"}, "is a study of seed 0, this is 1: give another"),
        ({"box": "88 px", "seed": "0", "bin": "2"}, "is a study of bin None, this is 2"),
    ],
)
def test_study_of_other_data_is_refused_and_left_alone(
    path: Path, about: dict[str, str], message: str
) -> None:
    with_default(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        study_at(path, about)
    assert path.read_bytes() == before


JOURNAL = b'{"op_code":0,"worker_id":"x","study_name":"napari-deepem tune","directions":[2]}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x,y\n10,20\n", "is not a study that tune wrote: give another file"),
        (b"\n", "is not a study"),
        (b'{"a": 1}\n', "is not a study"),
        (b"[" * 5000 + b"\n", "is not a study"),
        (b"\xff" * 5000, "is not a study"),
        (bytes(17 * 2**20), "is not a study"),
        (JOURNAL, "is a study of an older version, which this one can't go on with: give another"),
        (
            b'{"format":"napari-deepem study","version":2,"about":{}}\n',
            "of a newer version: update",
        ),
    ],
)
def test_file_that_is_no_study_is_refused_and_left_alone(
    path: Path, content: bytes, message: str
) -> None:
    """B.5"""
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        study_at(path)
    assert path.read_bytes() == content


def test_folder_or_pipe_is_no_study(path: Path) -> None:
    """B.5"""
    with pytest.raises(InputError, match="is not a study"):
        study_at(path.parent)
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        with pytest.raises(InputError, match="is not a study"):
            study_at(path)


VARIANT = asdict(Variant())
TRIAL = {"kind": "trial", "variant": VARIANT, "ap": 1, "seconds": 1}
REPEAT = {"kind": "repeat", "variant": VARIANT, "seed": 1, "ap": 1, "unseen_ap": None, "seconds": 1}


@pytest.mark.parametrize(
    "line",
    [
        "{oh",
        "[]",
        "3",
        {"kind": "other"},
        {"kind": "trial"},
        TRIAL | {"variant": None},
        TRIAL | {"ap": float("nan")},
        TRIAL | {"ap": 1.1},
        TRIAL | {"seconds": float("inf")},
        TRIAL | {"box_aps": ["x"]},
        TRIAL | {"surprise": 1},
        TRIAL | {"variant": VARIANT | {"kernels": [1, 1]}},
        TRIAL | {"variant": VARIANT | {"maps": 9}},
        TRIAL | {"variant": VARIANT | {"more_cells": [0, 0, 5]}},
        TRIAL | {"variant": VARIANT | {"learning_rate": 10**400}},
        REPEAT | {"variant": VARIANT | {"maps": 2.0}},
        REPEAT | {"seed": -1},
    ],
    ids=str,
)
def test_line_that_no_tuning_wrote_is_refused_and_left_alone(path: Path, line: object) -> None:
    """B.5"""
    with_default(path)
    text = line if isinstance(line, str) else json.dumps(line)
    path.write_bytes(path.read_bytes() + text.encode() + b"\n")
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"is damaged \(.+\): give another file") as refusal:
        study_at(path)
    assert "\n" not in str(refusal.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("left_out", [1, 2])
def test_study_without_its_default_is_refused(path: Path, left_out: int) -> None:
    """B.5: everything else is held against it."""
    study = with_default(path)
    study.finish(study.propose(), 0.85, 12.0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:left_out] + lines[left_out + 1 :]))
    with pytest.raises(InputError, match="is damaged"):
        study_at(path)


def test_file_that_became_another_meanwhile_is_left_alone(path: Path) -> None:
    """B.5"""
    study = with_default(path)
    trial = study.propose()
    path.write_text("x,y\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="was replaced by another file"):
        study.finish(trial, 0.5, 1.0)
    assert path.read_text(encoding="utf-8") == "x,y\n1,2\n"


def test_missing_optuna_is_said_with_how_to_install_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r'pip install "napari-deepem\[tune\]"'):
        study_at(path)
    assert not path.exists()


def test_fields_and_settings_decide_whose_study_it_is(path: Path) -> None:
    settings = TrainingSettings(BOX_PX, start="chance")
    fields = prepare_fields(*blob_sample(1, 2), BOX_PX, Sampling(1))
    open_study(path, fields, settings)
    open_study(path, prepare_fields(*blob_sample(1, 2), BOX_PX, Sampling(1)), settings)
    for other_fields, other in (
        (fields[:1], settings),
        (prepare_fields(*blob_sample(1, 3), BOX_PX, Sampling(1)), settings),
        (fields, TrainingSettings(BOX_PX + 1, start="chance")),
        (fields, TrainingSettings(BOX_PX, seed=1, start="chance")),
        (fields, TrainingSettings(BOX_PX, recipe_name="deepem2017", start="chance")),
        (fields, TrainingSettings(BOX_PX, labels_complete=False, start="chance")),
    ):
        with pytest.raises(InputError, match="is a study of"):
            open_study(path, other_fields, other)
