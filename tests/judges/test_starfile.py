"""The package starfile reads every STAR file that we write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import starfile

from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import FORMATS, MicrographPicks, write_coordinate_set

X, Y = [7.0, 300.0], [12.0, 5.0]
STAR_FORMATS = [format for format in FORMATS if {".star", ".cbox"} & set(format.suffixes)]


@pytest.mark.parametrize("format", STAR_FORMATS, ids=lambda format: format.name)
def test_starfile_reads_the_positions_that_were_written(tmp_path: Path, format) -> None:
    picks = Picks(np.stack([Y, X], axis=1), np.array([0.75, 0.5]), box_size_px=16)
    micrograph = MicrographPicks("m", picks, path="mics/m.mrc", shape=(40, 400), pixel_size=1.5)
    write_coordinate_set(tmp_path, [micrograph], format.name)
    n_tables = 0
    for file in [*tmp_path.rglob("*.star"), *tmp_path.rglob("*.cbox")]:
        if file.name.startswith("coords_suffix"):
            continue  # a line, called .star by RELION 3
        for table in starfile.read(file, always_dict=True).values():
            if "rlnCoordinateX" in table:
                assert table.rlnCoordinateX.tolist() == X
                assert table.rlnCoordinateY.tolist() == Y
                n_tables += 1
            elif "CoordinateX" in table:  # of the corner
                assert table.CoordinateX.tolist() == [x - 8 for x in X]
                assert table.CoordinateY.tolist() == [y - 8 for y in Y]
                n_tables += 1
    assert n_tables == 1
