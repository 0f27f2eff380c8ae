"""Particles that are made by chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from particles import KINDS, MOST_POINTS, WITHIN, Made, Particle, random_particle, repeated

SEEDS = range(8)
Kind = Callable[[np.random.Generator], Made]


def mass_within(particle: Particle, radius: float) -> float:
    """The share of a particle's mass that lies nearer to the origin."""
    inside = np.linalg.norm(particle.points, axis=1) < radius
    return float(particle.weights[inside].sum() / particle.weights.sum())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_centre_of_mass_is_the_origin_and_the_diameter_1(kind: Kind) -> None:
    for seed in SEEDS:
        particle = Particle.of(*kind(np.random.default_rng(seed)))
        centre = np.average(particle.points, axis=0, weights=particle.weights)
        assert centre == pytest.approx(0.0, abs=1e-9)
        assert mass_within(particle, 0.5 - 1e-9) <= WITHIN
        assert mass_within(particle, 0.5 + 1e-9) >= WITHIN
        assert len(particle.points) <= MOST_POINTS


def test_same_seed_makes_the_same_particle() -> None:
    one, again, other = (random_particle(np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(one.points, again.points)
    assert np.array_equal(one.weights, again.weights)
    assert not np.array_equal(one.points, other.points)


def test_symmetry_repeats_points_around_its_axis() -> None:
    quarter_turns = repeated(np.array([[2.0, 0.0, 1.0]]), "C4")
    corners = np.array([[2, 0, 1], [0, 2, 1], [-2, 0, 1], [0, -2, 1]])
    assert sorted(np.rint(quarter_turns).tolist()) == sorted(corners.tolist())
    assert quarter_turns == pytest.approx(np.rint(quarter_turns))
