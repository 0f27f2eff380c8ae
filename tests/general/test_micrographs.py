"""Micrographs that are made by chance."""

from __future__ import annotations

import numpy as np
import pytest
from micrographs import CANVAS_PX, SIDE_PX, draw, make_micrograph, splat
from particles import random_particle, random_rotation

from napari_deepem.core.preprocessing.prepare import robust_statistics


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("place", [(201.3, 150.75), (88.5, 300.0)])
def test_image_of_a_particle_has_its_centre_of_mass_at_its_place(
    seed: int, place: tuple[float, float]
) -> None:
    rng = np.random.default_rng(seed)
    particle, turn = random_particle(rng), random_rotation(rng)
    image = draw(particle, 40.0, np.array([place]), turn[None], rng).astype(np.float64)
    row = (image.sum(axis=1) @ np.arange(CANVAS_PX)) / image.sum()
    col = (image.sum(axis=0) @ np.arange(CANVAS_PX)) / image.sum()
    assert (row, col) == pytest.approx(place, abs=1e-3)


def test_mass_between_pixels_is_shared_by_the_four_around_it() -> None:
    image = splat(np.array([[1.25, 2.5]]), np.array([8.0]), 4)
    assert image.tolist() == [[0, 0, 0, 0], [0, 0, 3, 3], [0, 0, 1, 1], [0, 0, 0, 0]]


def test_same_seed_makes_the_same_micrograph() -> None:
    one, again, other = (make_micrograph(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.prepared, again.prepared)
    assert np.array_equal(one.centres_yx, again.centres_yx)
    assert not np.array_equal(one.prepared, other.prepared)


@pytest.mark.parametrize("seed", [3, 4])
def test_made_micrograph_is_prepared(seed: int) -> None:
    prepared = make_micrograph(np.random.default_rng(seed)).prepared
    assert (prepared.shape, prepared.dtype) == ((SIDE_PX, SIDE_PX), np.float32)
    assert robust_statistics(prepared) == pytest.approx((0.0, 1.0), abs=1e-5)
