from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from napari_deepem.core.types import Candidates, Labels, Micrograph, Picks, ScoreMap

SCORES = np.zeros((3, 5), np.float32)


def test_shape_of_a_micrograph_is_height_then_width() -> None:
    assert Micrograph(np.zeros((3, 5)), "m").shape == (3, 5)
    assert Micrograph(np.zeros((3, 5)), "m").pixel_size is None


def test_labels_are_made_of_anything_array_like() -> None:
    labels = Labels.of([(1, 2), (3, 4.5)])
    np.testing.assert_array_equal(labels.positive_yx, [[1, 2], [3, 4.5]])
    assert labels.positive_yx.dtype == np.float64
    assert labels.negative_yx.shape == (0, 2)
    assert Labels.of().positive_yx.shape == (0, 2)
    np.testing.assert_array_equal(Labels.of([7, 8]).positive_yx, [[7, 8]])


@pytest.mark.parametrize("values", [[[1, 2, 3], [4, 5, 6]], [1, 2, 3, 4], 5.0])
def test_positions_that_are_not_pairs_are_refused(values: object) -> None:
    with pytest.raises(ValueError, match=r"positions are \(n, 2\)"):
        Labels.of(values)


def test_grid_of_a_score_map_starts_at_its_origin() -> None:
    score_map = ScoreMap(SCORES, SCORES, origin_px=-1.5, step_px=4.0, box_size_px=24)
    found = score_map.centres_of([(0, 0), (1, 2), (0.5, -0.25)])
    np.testing.assert_array_equal(found, [[-1.5, -1.5], [2.5, 6.5], [0.5, -2.5]])


def test_lengths_are_numbers_of_particles() -> None:
    centres = np.zeros((4, 2))
    assert len(Picks(centres)) == 4
    assert len(Candidates(centres, np.ones(4), np.ones(4), 24)) == 4


def test_values_are_frozen_and_compared_by_identity() -> None:
    picks = Picks(np.zeros((2, 2)))
    with pytest.raises(FrozenInstanceError):
        picks.box_size_px = 3  # type: ignore[misc]  # that is the test
    assert picks != Picks(np.zeros((2, 2)))


def test_labels_are_made_of_picks_too() -> None:
    picks = Picks(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.9, 0.1]))
    np.testing.assert_array_equal(Labels.of(picks).positive_yx, picks.centres_yx)
