"""The widths of peaks in a score map."""

import numpy as np
import pytest

from napari_deepem.core.picking.score_peaks import peak_widths
from napari_deepem.core.types import ScoreMap

STEP_PX, ORIGIN_PX, BOX_PX = 4.0, 20.0, 64


def score_map(scores: np.ndarray) -> ScoreMap:
    return ScoreMap(scores.astype(np.float32), np.ones_like(scores), ORIGIN_PX, STEP_PX, BOX_PX)


def test_width_of_a_bell_is_that_at_half_its_height() -> None:
    sigma_px, centre = 10.0, np.array([25.0, 31.0])
    away_px = STEP_PX * np.hypot(*(np.indices((50, 60)) - centre[:, None, None]))
    bell = score_map(0.8 * np.exp(-(away_px**2) / 2 / sigma_px**2))
    (width,) = peak_widths(bell, bell.centres_of(centre))
    assert width == pytest.approx(2 * sigma_px * np.sqrt(2 * np.log(2)), rel=0.02)


def test_peak_without_an_end_is_as_wide_as_two_boxes_at_most() -> None:
    flat = score_map(np.ones((80, 80)))
    (width,) = peak_widths(flat, flat.centres_of([(40, 40)]))
    assert 2 * BOX_PX <= width <= 2 * BOX_PX + 2 * STEP_PX


def test_no_peaks_have_no_widths() -> None:
    assert peak_widths(score_map(np.ones((9, 9))), np.empty((0, 2))).shape == (0,)
