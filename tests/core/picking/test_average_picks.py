"""The average of the best picks, which tells whether their box is too small."""

from __future__ import annotations

import numpy as np
import pytest

from napari_deepem.core.picking.average_picks import (
    RINGS,
    average_profile,
    log_times_larger,
)
from napari_deepem.core.types import Float32Array, FloatArray

BOX_PX = 44
CENTRES_YX = np.array([[60.0, 70.0], [60.0, 170.0], [160.0, 90.0], [165.0, 190.0]])


def image_of(shape: tuple[float, float], value: float = -1.0) -> Float32Array:
    """An image with rings from one radius to another, in boxes, about the centres."""
    rows, cols = np.indices((240, 260))
    image = np.zeros(rows.shape, dtype=np.float32)
    for row, col in CENTRES_YX:
        radius = np.hypot(rows - row, cols - col) / BOX_PX
        image[(radius >= shape[0]) & (radius < shape[1])] = value
    return image


def test_profile_has_a_ring_where_particles_have_one() -> None:
    profile = average_profile(image_of((0.25, 0.375)), CENTRES_YX, BOX_PX)
    assert profile.shape == (RINGS,)
    assert np.linalg.norm(profile) == pytest.approx(1.0)
    assert np.argmin(profile) == 2  # the third eighth of a box


def test_profile_does_not_depend_on_contrast_nor_on_where_particles_lie() -> None:
    profile = average_profile(image_of((0.0, 0.3)), CENTRES_YX, BOX_PX)
    stronger = average_profile(image_of((0.0, 0.3), -3.0), CENTRES_YX, BOX_PX)
    np.testing.assert_allclose(stronger, profile, atol=1e-6)
    one = average_profile(image_of((0.0, 0.3)), CENTRES_YX[:1], BOX_PX)
    np.testing.assert_allclose(one, profile, atol=0.02)


@pytest.mark.parametrize("centres_yx", [np.empty((0, 2)), np.array([[10.0, 120.0]])])
def test_picks_at_the_border_do_not_count(centres_yx: FloatArray) -> None:
    image = image_of((0.0, 0.3))
    assert not average_profile(image, centres_yx, BOX_PX).any()
    assert log_times_larger(image, centres_yx, BOX_PX) == 0.0
    profile = average_profile(image, CENTRES_YX, BOX_PX)
    both = average_profile(image, np.concatenate([centres_yx, CENTRES_YX]), BOX_PX)
    np.testing.assert_array_equal(both, profile)


def test_larger_particles_have_larger_boxes() -> None:
    radii = np.array([0.15, 0.2, 0.3, 0.4])
    told = [log_times_larger(image_of((0.0, r)), CENTRES_YX, BOX_PX) for r in radii]
    assert (np.diff(told) > 0.05).all()
    assert told[0] < 0 < told[-1]
