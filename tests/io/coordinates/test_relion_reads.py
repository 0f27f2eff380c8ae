"""RELION's own program reads a STAR file with any names of micrographs, as it was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import starfile

from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import MicrographPicks, write_coordinate_set
from napari_deepem.io.coordinates.sources import read_rows
from relion import needs_relion, run_relion

NAMES = ["M/a b.mrc", "M/c#1.mrc", "M/\u00b5.mrc", "_h.mrc", "data_i.mrc"]


@needs_relion
def test_star_handler_keeps_particles_with_their_names(tmp_path: Path) -> None:
    picks = Picks(np.array([[2.0, 10.0]]), np.array([0.75]), 64, {"angle": np.array([-12.5])})
    micrographs = [
        MicrographPicks(str(number), picks, path=name, pixel_size=1.5)
        for number, name in enumerate(NAMES)
    ]
    options = {"voltage": "300", "cs": "2.7"}
    write_coordinate_set(tmp_path, micrographs, "particles", options)
    select = ("--select", "rlnCoordinateX", "--minval", 0)
    run_relion(tmp_path, "relion_star_handler", "--i", "particles.star", "--o", "o.star", *select)
    table = starfile.read(tmp_path / "particles.star")["particles"]
    assert table.rlnMicrographName.tolist() == NAMES
    for file in ("particles.star", "o.star"):
        rows = read_rows(tmp_path / file)
        assert list(rows.micrographs) == NAMES
        assert rows.centres_yx.tolist() == [[2, 10]] * len(NAMES)
        assert rows.scores is not None
        assert set(rows.scores) == {0.75}
        assert set(rows.features["angle"]) == {-12.5}
