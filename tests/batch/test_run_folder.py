from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_deepem.batch.run_folder import RECORD, PickFolder
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks

PICKS = Picks(np.array([[40.0, 50.0]]), np.array([0.9]), 24)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*"))


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
    assert not (tmp_path / RECORD).exists()


def test_labels_of_other_micrographs_may_lie_there(tmp_path: Path) -> None:
    (tmp_path / "m2.box").write_text("mine")
    PickFolder.claim(tmp_path, ["m1"], ("star",)).write("m1", PICKS)
    assert names_in(tmp_path) == ["m1.star", "m2.box"]


def test_own_picks_are_replaced_also_those_in_another_format(tmp_path: Path) -> None:
    PickFolder.claim(tmp_path, ["m1", "m2"], ("box", "star")).write("m1", PICKS)
    assert names_in(tmp_path) == ["m1.box", "m1.star"]
    again = PickFolder.claim(tmp_path, ["m1"], ("csv",))
    assert names_in(tmp_path) == ["m1.box", "m1.star"]  # nothing is lost before there is more
    again.write("m1", PICKS)
    assert names_in(tmp_path) == ["m1.csv"]


def test_damaged_record_protects_everything(tmp_path: Path) -> None:
    PickFolder.claim(tmp_path, ["m1"], ("csv",)).write("m1", PICKS)
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(InputError, match=r"m1\.csv was not picked"):
        PickFolder.claim(tmp_path, ["m1"], ("csv",))
