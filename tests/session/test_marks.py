from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.session.marks import read_marks

CENTRES_YX = np.array([[40.0, 130.0], [90.0, 60.0]])


@pytest.mark.parametrize("name", ["m1.star", "m1.box", "m1.csv", "by_hand.box"])
def test_marks_are_read_as_they_were_written(name: str, tmp_path: Path) -> None:
    write_coordinates(tmp_path / name, Picks(CENTRES_YX, None, 30))
    np.testing.assert_array_equal(read_marks(tmp_path / name, "m1"), CENTRES_YX)


def test_file_without_positions_is_said(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "m1.star", Picks(np.empty((0, 2))))
    with pytest.raises(InputError, match="no positions"):
        read_marks(tmp_path / "m1.star", "m1")


def test_file_of_another_micrograph_is_said(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("micrograph,x,y\nm7,1,2\nm8,3,4\n")
    with pytest.raises(InputError, match="m1"):
        read_marks(path, "m1")
