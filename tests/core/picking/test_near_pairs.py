from __future__ import annotations

import numpy as np
import pytest

from napari_deepem.core.picking.near_pairs import _pairs_within, rows_apart
from napari_deepem.core.picking.suppression import keep_best_apart
from napari_deepem.core.types import Candidates, FloatArray

COUNT = 3000


def candidates_at(centres_yx: FloatArray) -> Candidates:
    count = len(centres_yx)
    return Candidates(centres_yx, np.linspace(1.0, 0.0, count), np.ones(count), 20)


@pytest.mark.parametrize("whole", [True, False])
def test_what_stays_apart_is_the_same_however_often_and_of_which_it_is_asked(whole: bool) -> None:
    rng = np.random.default_rng(0)
    centres_yx = rng.random((COUNT, 2)) * 400.0
    candidates = candidates_at(centres_yx.round() if whole else centres_yx)
    # up and down, over and just at the powers of two
    for distance in (3.0, 4.0, 4.0000001, 5.0, 16.0, 40.0, 8.0, 2.0, 0.0, np.inf):
        for share in (1.0, 0.5, 0.0):
            allowed = rng.random(COUNT) < share
            rows = np.flatnonzero(allowed)
            expected = rows[keep_best_apart(candidates.centres_yx[rows], distance)]
            np.testing.assert_array_equal(rows_apart(candidates, allowed, distance), expected)


def test_pairs_are_searched_for_once_while_a_slider_moves() -> None:
    candidates = candidates_at(np.random.default_rng(0).random((COUNT, 2)) * 400.0)
    before = _pairs_within.cache_info().misses
    for distance in (4.5, 5.0, 7.0, 8.0):
        rows_apart(candidates, candidates.scores > 1.0 - distance / 10.0, distance)
    assert _pairs_within.cache_info().misses == before + 1


def test_no_pairs_are_kept_of_a_crowd() -> None:
    """It would be eighty million."""
    assert _pairs_within(candidates_at(np.full((9000, 2), 7.0)), 0.5) is None
