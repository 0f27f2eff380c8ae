"""`make general`."""

from __future__ import annotations

from pathlib import Path

import make
import numpy as np
import pytest
from micrographs import make_micrograph
from training import MARGIN_PX, WITHIN_PX


def test_file_of_micrographs_holds_those_of_its_numbers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(make, "PART", 2)
    part = make.Part(tmp_path / "part.npz", seed=7, number=3)
    make.make_part(part)
    pool = make.read_part(part.path)
    assert len(pool.images) == 2
    inner = slice(MARGIN_PX, -MARGIN_PX)
    for index in range(2):
        single = make_micrograph(np.random.default_rng([7, 6 + index]))
        limited = np.clip(single.prepared.astype(np.float16), -60, 60)
        assert np.array_equal(pool.images[index, inner, inner], limited)
        yx = single.centres_yx
        inside = ((yx >= WITHIN_PX) & (yx <= len(single.prepared) - 1 - WITHIN_PX)).all(axis=1)
        assert np.array_equal(pool.centres_yx[index] - MARGIN_PX, yx[inside])
