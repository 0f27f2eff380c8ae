"""Particles made by chance: beads on chains, confined to domains, which a symmetry repeats.

No real molecule is among them. A particle is a cloud of points, centred on its centre of mass,
of which an image takes milliseconds: points are turned and summed up in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.spatial.transform import Rotation

MOST_POINTS = 6000  # of a particle: more can't be told apart at 44 px
WITHIN = 0.99  # of the matter lies within the diameter

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Particle:
    """A particle of diameter 1, its centre of mass at the origin."""

    points: Points  # (n, 3) x, y, z
    weights: NDArray[np.float64]  # (n,) densities; 1 is protein's

    @classmethod
    def of(cls, points: Points, weights: NDArray[np.float64]) -> Particle:
        """The particle of any points: thinned out where they are too many, moved and scaled."""
        every = -(-len(points) // MOST_POINTS)
        points, weights = points[::every], weights[::every] * every
        centred = points - np.average(points, axis=0, weights=weights)
        radii = np.linalg.norm(centred, axis=1)
        order = np.argsort(radii)
        mass = np.cumsum(weights[order])
        radius = radii[order][np.searchsorted(mass, WITHIN * mass[-1])]
        return cls(centred / (2 * radius), weights)


def random_particle(rng: np.random.Generator) -> Particle:
    """A particle of any kind."""
    kinds = list(KINDS)
    chances = np.array([KINDS[kind] for kind in kinds])
    kind = kinds[rng.choice(len(kinds), p=chances / chances.sum())]
    points, weights = kind(rng)
    if rng.random() < 0.2:  # squeezed or stretched
        points = points * np.exp(rng.normal(0.0, 0.2, 3))
    return Particle.of(points, weights)


def chain(size: float, count: int, rng: np.random.Generator) -> Points:
    """(count, 3) beads of a chain that wanders within a cloud of this standard deviation."""
    stiffness = rng.uniform(0.3, 0.9)
    steps = lfilter([1.0], [1.0, -stiffness], rng.standard_normal((count + 50, 3)), axis=0)
    pull = rng.uniform(0.02, 0.15)
    beads = lfilter([1.0], [1.0, pull - 1.0], steps, axis=0)[50:]
    return np.asarray(size * (beads - beads.mean(axis=0)) / beads.std(axis=0))


def ball(radius: float, count: int, rng: np.random.Generator) -> Points:
    """(count, 3) beads of a globule with a sharp edge: a chain, folded into a ball."""
    beads = chain(1.0, count, rng)
    radii = np.linalg.norm(beads, axis=1)
    ranks = np.argsort(np.argsort(radii)) / count
    return radius * beads / radii[:, None] * np.cbrt(ranks)[:, None]


def domain(radius: float, count: int, rng: np.random.Generator) -> Points:
    """(count, 3) beads of a domain, about so large: round or drawn out, its edge sharp or soft."""
    beads = ball(radius, count, rng) if rng.random() < 0.6 else chain(0.5 * radius, count, rng)
    axes = np.exp(rng.normal(0.0, 0.3, 3))
    return (beads * axes) @ random_rotation(rng).T


def random_rotation(rng: np.random.Generator) -> Points:
    """A (3, 3) rotation, uniform."""
    return np.asarray(Rotation.from_quat(rng.standard_normal(4)).as_matrix())


def direction(rng: np.random.Generator) -> Points:
    """(3,) unit vector, uniform."""
    vector = rng.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector))


def repeated(points: Points, group: str) -> Points:
    """The points repeated by a point group, such as D3."""
    turns = Rotation.create_group(group).as_matrix()
    return np.concatenate([points @ turn.T for turn in turns])


Made = tuple[Points, NDArray[np.float64]]


def complex_of_domains(rng: np.random.Generator) -> Made:
    """Some domains that touch, without symmetry."""
    count = int(rng.integers(1, 9))
    middles, radii = [np.zeros(3)], [rng.uniform(0.6, 1.4)]
    while len(middles) < count:
        beside = int(rng.integers(len(middles)))
        radius = rng.uniform(0.5, 1.3)
        reach = rng.uniform(0.6, 1.0) * (radius + radii[beside])
        middles.append(middles[beside] + reach * direction(rng))
        radii.append(radius)
    return _domains(np.array(middles), np.array(radii), rng)


def symmetric_complex(rng: np.random.Generator) -> Made:
    """Domains around an axis or a point: rings, barrels, tetramers, hollow shells."""
    group = str(rng.choice(SYMMETRIES))
    order = len(Rotation.create_group(group))
    distance = rng.uniform(0.3, 1.6) if order < 12 else rng.uniform(0.8, 1.6)
    radius = rng.uniform(0.5, 1.1) * 2.0 / order ** (1 / 3 if order < 12 else 1 / 2)
    count = int(rng.integers(1, 4))
    outward = direction(rng) * (1.0, 1.0, rng.uniform(0.2, 1.0))
    middles = distance * outward + rng.normal(0.0, 0.7 * radius, (count, 3))
    points, weights = _domains(middles, np.full(count, radius) / count ** (1 / 3), rng)
    return repeated(points, group), np.tile(weights, order)


def shell(rng: np.random.Generator) -> Made:
    """A hollow sphere of even or lumpy wall, sometimes filled: a cage, a capsid."""
    count = MOST_POINTS
    thickness = rng.uniform(0.08, 0.45)
    beads = rng.standard_normal((count, 3))
    beads /= np.linalg.norm(beads, axis=1)[:, None]
    lumps = np.array([direction(rng) for _ in range(int(rng.integers(12, 70)))])
    nearness = (beads @ lumps.T).max(axis=1)
    weights = 1.0 + rng.uniform(0.0, 1.5) * (nearness > np.quantile(nearness, 0.5))
    beads *= rng.uniform(1.0 - thickness, 1.0, (count, 1))
    if rng.random() < 0.25:
        core = ball(1.0 - thickness, count // 2, rng)
        inside = np.full(len(core), rng.uniform(0.1, 1.0))
        return np.concatenate([beads, core]), np.concatenate([weights, inside])
    return beads, weights


def rod(rng: np.random.Generator) -> Made:
    """Domains in a row, straight or bent: longer than wide."""
    count = int(rng.integers(3, 9))
    along = np.linspace(-1.0, 1.0, count) * rng.uniform(1.0, 3.0)
    bend = rng.normal(0.0, 0.25)
    middles = np.stack([along, bend * along**2, rng.normal(0.0, 0.1, count)], axis=1)
    return _domains(middles, rng.uniform(0.45, 0.9, count), rng)


def cylinder(rng: np.random.Generator) -> Made:
    """A barrel of stacked rings of subunits, hollow or closed at the ends."""
    fold, rings = int(rng.integers(5, 13)), int(rng.integers(2, 8))
    radius, height = 1.0, rng.uniform(0.5, 2.5)
    unit = min(np.pi * radius / fold, 0.6)
    parts = []
    for level in np.linspace(-height / 2, height / 2, rings):
        twist = rng.uniform(0.0, 2 * np.pi)
        subunit = domain(unit, 40, rng) + np.array([radius, 0.0, level])
        turn = Rotation.from_euler("z", twist).as_matrix()
        parts.append(repeated(subunit, f"C{fold}") @ turn.T)
    if rng.random() < 0.3:
        parts.append(ball(0.6, 300, rng) + np.array([0.0, 0.0, height / 2]))
    points = np.concatenate(parts)
    return points, np.ones(len(points))


def membrane_protein(rng: np.random.Generator) -> Made:
    """A bundle in a belt of detergent or a disc of lipids, domains above and below it."""
    group = str(rng.choice(["C1", "C1", "C2", "C3", "C4", "C5"]))
    order = int(group[1:])
    rods = np.concatenate([_helix(rng) for _ in range(int(rng.integers(4, 12)))])
    if order > 1:
        rods[:, 0] += 0.7
    above = domain(rng.uniform(0.4, 1.1), 300, rng)
    above += np.array([rng.uniform(0.0, 1.0), 0.0, 1.5])
    protein = repeated(np.concatenate([rods, above]), group)
    reach = np.quantile(np.hypot(protein[:, 0], protein[:, 1]), 0.8) + rng.uniform(0.4, 0.8)
    angle, radius = rng.uniform(0.0, 2 * np.pi, 2500), reach * np.sqrt(rng.uniform(0.0, 1.0, 2500))
    belt = np.stack(
        [radius * np.cos(angle), radius * np.sin(angle), rng.uniform(-0.7, 0.7, 2500)], axis=1
    )
    density = rng.uniform(0.2, 0.6) * len(protein) / len(belt)
    return np.concatenate([protein, belt]), np.concatenate(
        [np.ones(len(protein)), np.full(len(belt), density)]
    )


def _helix(rng: np.random.Generator) -> Points:
    """(60, 3) points of a rod across the membrane, somewhere in the bundle."""
    sideways = np.append(rng.normal(0.0, 0.5, 2), 0.0)
    return rng.uniform(-1.0, 1.0, (60, 3)) * np.array([0.12, 0.12, 1.0]) + sideways


def arms(rng: np.random.Generator) -> Made:
    """Two to four arms on a hinge, as antibodies have them."""
    count = int(rng.integers(2, 5))
    ends = np.array([direction(rng) for _ in range(count)])
    middles = np.concatenate([ends * reach for reach in (0.5, 1.0, 1.4)])
    return _domains(middles, rng.uniform(0.3, 0.55, len(middles)), rng)


def _domains(middles: Points, radii: NDArray[np.float64], rng: np.random.Generator) -> Made:
    beads = [
        domain(radius, max(30, int(150 * radius**3)), rng) + middle
        for middle, radius in zip(middles, radii, strict=True)
    ]
    weights = np.repeat(rng.uniform(0.7, 1.3, len(beads)), [len(part) for part in beads])
    return np.concatenate(beads), weights


SYMMETRIES = [f"C{fold}" for fold in range(2, 9)] + [f"D{fold}" for fold in range(2, 8)]
SYMMETRIES += ["T", "O", "O", "I", "D2", "D2"]
KINDS: dict[Callable[[np.random.Generator], Made], float] = {  # and how often there is one
    complex_of_domains: 4.0,
    symmetric_complex: 5.0,
    shell: 3.0,
    rod: 1.0,
    cylinder: 2.0,
    membrane_protein: 1.5,
    arms: 0.5,
}
