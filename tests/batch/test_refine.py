from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.batch.refine import VerdictFiles, read_verdicts, recall
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Labels, Picks
from napari_deepem.io.coordinates import write_coordinates

BOX_PX = 40
PATHS = [Path("micrographs") / f"{name}.mrc" for name in ("m1", "m2", "m3")]
FIRST, SECOND, THIRD = (20.0, 30.0), (60.0, 30.0), (60.0, 90.0)


def written(folder: Path, **centres: list[tuple[float, float]]) -> Path:
    """A folder of coordinate files."""
    for name, centres_yx in centres.items():
        write_coordinates(folder / f"{name}.csv", Picks(np.reshape(centres_yx, (-1, 2))))
    return folder


def test_verdicts_are_found_by_the_names_of_their_micrographs(tmp_path: Path) -> None:
    picks = written(tmp_path / "picks", m1=[FIRST, SECOND], m2=[FIRST], m3=[SECOND])
    accepted = written(tmp_path / "accepted", m1=[FIRST], m9=[FIRST])
    rejected = written(tmp_path / "rejected", m2=[FIRST], m1=[])
    found = read_verdicts(PATHS, VerdictFiles(picks, accepted, rejected), BOX_PX)
    assert [(item.name, item.source) for item in found.verdicts] == [
        *(("m1", PATHS[0]), ("m2", PATHS[1]))
    ]
    first, second = (item.labels for item in found.verdicts)
    assert (first.positive_yx.tolist(), first.unsure_yx.tolist()) == ([[*FIRST]], [[*SECOND]])
    assert (second.negative_yx.tolist(), len(second.positive_yx)) == ([[*FIRST]], 0)
    assert not any(item.complete for item in found.verdicts)
    assert (found.without_verdict, found.not_given) == (["m3"], ["m9"])


def test_boxes_below_cryolos_threshold_are_told_of_once(tmp_path: Path) -> None:
    for name in ("m1", "m2"):
        picks = Picks(np.array([FIRST, SECOND]), np.array([0.9, 0.1]), BOX_PX)
        write_coordinates(tmp_path / f"{name}.cbox", picks)
    (remark,) = read_verdicts(PATHS, VerdictFiles(None, tmp_path, None), BOX_PX).advice
    assert "below its threshold" in remark


def test_empty_file_of_rejected_picks_accepts_them_all(tmp_path: Path) -> None:
    picks = written(tmp_path / "picks", m1=[FIRST, SECOND], m2=[THIRD])
    rejected = written(tmp_path / "rejected", m1=[])
    found = read_verdicts(PATHS, VerdictFiles(picks, None, rejected), BOX_PX)
    (item,) = found.verdicts
    assert item.labels.positive_yx.tolist() == [[*FIRST], [*SECOND]]
    assert found.without_verdict == ["m2", "m3"]  # nobody said that m2 was reviewed


def test_verdict_without_picks_is_taken_as_it_is(tmp_path: Path) -> None:
    accepted = written(tmp_path, m1=[FIRST])
    (item,) = read_verdicts(PATHS, VerdictFiles(None, accepted, None), BOX_PX).verdicts
    assert item.labels.positive_yx.tolist() == [[*FIRST]]
    assert len(item.labels.negative_yx) == len(item.labels.unsure_yx) == 0


def test_single_file_for_a_single_micrograph_is_meant_for_it(tmp_path: Path) -> None:
    file = written(tmp_path, clicks=[FIRST]) / "clicks.csv"
    found = read_verdicts(PATHS[:1], VerdictFiles(None, file, None), BOX_PX)
    assert (len(found.verdicts), found.not_given) == (1, [])


def test_no_verdict_is_refused() -> None:
    with pytest.raises(InputError, match="give --accepted, --rejected or both"):
        read_verdicts(PATHS, VerdictFiles(picks=Path("picks")), BOX_PX)


def test_contradiction_names_its_micrograph(tmp_path: Path) -> None:
    accepted = written(tmp_path / "accepted", m2=[FIRST])
    rejected = written(tmp_path / "rejected", m2=[FIRST])
    with pytest.raises(InputError, match="m2: 1 of 1 positions accepted are rejected too"):
        read_verdicts(PATHS, VerdictFiles(None, accepted, rejected), BOX_PX)


# What a model was trained on


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("m1", "m2"):
        (tmp_path / f"{name}.mrc").touch()
    return tmp_path


@pytest.fixture
def model(here: Path) -> Model:
    """Trained on two micrographs in that folder."""
    network = Network(Architecture.for_box(24)).eval()
    model = Model(network, "modern", 24, Sampling(1), None, threshold=0.5, std_range=(0.0, 5.0))
    known = (
        LabelledMicrograph(name, Labels.of([FIRST]), True, here / f"{name}.mrc")
        for name in ("m1", "m2")
    )
    return replace(model, training_set=tuple(known))


def sources_of(model: Model) -> list[Path | None]:
    return [item.source for item in model.training_set]


def test_training_set_is_recalled_from_where_it_was(model: Model, here: Path) -> None:
    recalled = recall(model, [Path("elsewhere/m3.mrc")])
    assert sources_of(recalled) == [here / "m1.mrc", here / "m2.mrc"]


def test_micrographs_that_moved_are_found_among_those_given(model: Model, here: Path) -> None:
    (here / "m1.mrc").rename(here / "moved")
    (here / "moved").rename(here / "m1.mrc.gz")
    assert sources_of(recall(model, [], [here / "m1.mrc.gz"]))[0] == here / "m1.mrc.gz"
    assert sources_of(recall(model, [here / "m1.mrc.gz"]))[0] == here / "m1.mrc.gz"


def test_micrographs_that_are_gone_are_told_in_one_line(model: Model, here: Path) -> None:
    (here / "m2.mrc").unlink()
    message = r"1 of 2 micrographs .* such as m2 \(.*m2.mrc\): give .*--earlier.*--forget"
    with pytest.raises(InputError, match=message) as caught:
        recall(model, [])
    assert "\n" not in str(caught.value)
    nowhere = replace(model.training_set[0], source=None)
    with pytest.raises(InputError, match="such as m1: give"):
        recall(replace(model, training_set=(nowhere,)), [])


def test_model_that_remembers_nothing_asks_for_coordinates(model: Model, here: Path) -> None:
    forgetful = replace(model, training_set=(), summary={"labels_complete": False})
    with pytest.raises(InputError, match=r"does not remember .*--earlier .*--coords.*--forget"):
        recall(forgetful, [])
    coordinates = written(here / "labels", m1=[FIRST, SECOND])
    recalled = recall(forgetful, [], [here / "m1.mrc", here / "m2.mrc"], coordinates)
    (item,) = recalled.training_set
    assert (item.name, item.source, item.complete) == ("m1", here / "m1.mrc", False)
    assert item.labels.positive_yx.tolist() == [[*FIRST], [*SECOND]]


def test_coordinates_belong_to_micrographs(model: Model, here: Path) -> None:
    with pytest.raises(InputError, match=r"--coords .*--earlier: give both"):
        recall(model, [here / "m1.mrc"], [], here)
