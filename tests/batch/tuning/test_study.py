from __future__ import annotations

import sys
from pathlib import Path

import pytest

from blobs import BOX_PX, blob_sample
from napari_deepem.batch.tuning.files import open_study
from napari_deepem.batch.tuning.study import MAPS, MORE_CELLS, Repeat, Study
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


def test_study_keeps_what_it_is_told(path: Path) -> None:
    study = study_at(path)
    study.add_default(0.8, 11.0, [0.7, 0.9])
    proposals = [study.propose() for _ in range(3)]
    study.finish(proposals[0], 0.85, 12.0)
    study.give_up(proposals[1], "no time left for it", 3.0, is_bad=False)
    study.add_repeat(Repeat(1, 5, 0.84, 0.79, 12.5))
    again = study_at(path)
    assert [trial.number for trial in again.trials] == [0, 1, 2, 3]
    assert [trial.variant for trial in again.trials[1:]] == [p.variant for p in proposals]
    assert [trial.ap for trial in again.trials] == [0.8, 0.85, None, None]
    assert [trial.seconds for trial in again.trials] == [11.0, 12.0, 3.0, None]
    notes = [trial.note for trial in again.trials]
    assert notes == ["", "", "no time left for it", "interrupted"]
    assert again.trials[0].variant == Variant()
    assert again.repeats == {(1, 5): Repeat(1, 5, 0.84, 0.79, 12.5)}


def test_proposals_stay_within_the_space_and_differ_from_session_to_session(path: Path) -> None:
    study_at(path).add_default(0.8, 1.0, [0.9])
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
    study = study_at(path)
    study.add_default(0.9, 1.0, [0.5, 0.8, 0.9, 0.9])
    for _ in range(4):
        trial = study.propose()
        assert not any(study.is_hopeless(trial, epoch, 0.1) for epoch in (1, 2, 3, 4))
        study.finish(trial, 0.5, 1.0)  # too few to compare with
    good, bad = study.propose(), study.propose()
    assert not study.is_hopeless(bad, 1, 0.05)
    assert study.is_hopeless(bad, 2, 0.05)
    assert not study.is_hopeless(good, 1, 0.6)
    assert not study.is_hopeless(good, 2, 0.6)


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
    study_at(path).add_default(0.8, 1.0, [0.9])
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        study_at(path, about)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"x,y\n10,20\n", b'{"a": 1}\n', b"\xff" * 5000])
def test_file_that_is_no_study_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a study that tune wrote: give another file"):
        study_at(path)
    assert path.read_bytes() == content


def test_damaged_study_is_refused(path: Path) -> None:
    study_at(path).add_default(0.8, 1.0, [0.9])
    first, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(first + b"\n{oh\n" + rest)
    with pytest.raises(InputError, match="is damaged"):
        study_at(path)


def test_missing_optuna_is_said_with_how_to_install_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r'pip install "napari-deepem\[tune\]"'):
        study_at(path)
    assert not path.exists()


def test_fields_and_settings_decide_whose_study_it_is(path: Path) -> None:
    settings = TrainingSettings(BOX_PX)
    fields = prepare_fields(*blob_sample(1, 2), BOX_PX, Sampling(1))
    open_study(path, fields, settings)
    open_study(path, prepare_fields(*blob_sample(1, 2), BOX_PX, Sampling(1)), settings)
    for other_fields, other in (
        (fields[:1], settings),
        (prepare_fields(*blob_sample(1, 3), BOX_PX, Sampling(1)), settings),
        (fields, TrainingSettings(BOX_PX + 1)),
        (fields, TrainingSettings(BOX_PX, seed=1)),
        (fields, TrainingSettings(BOX_PX, recipe_name="deepem2017")),
        (fields, TrainingSettings(BOX_PX, labels_complete=False)),
    ):
        with pytest.raises(InputError, match="is a study of"):
            open_study(path, other_fields, other)
