from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blobs import blob_image, blob_sample
from napari_deepem.core.training.box_size import (
    LEAST_SUGGESTED_PX,
    edge_radius,
    radial_profiles,
    suggest_box,
)
from napari_deepem.core.types import Labels, Micrograph
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.io.images import read_micrograph
from simulated import simulated_micrograph

MOST_BOX = 1.5  # of the particle's length: as much again of surroundings only dilutes it


def test_profile_is_the_mean_of_each_ring_in_sigmas() -> None:
    image = np.random.default_rng(0).normal(size=(60, 60)).astype(np.float32)
    image -= np.median(image[::4, ::4])
    (profile,) = radial_profiles(image, np.array([[30.0, 20.0]]), 5)
    spread = 1.4826 * np.median(np.abs(image[::4, ::4]))
    beside = (image[29:32, 19:22].sum() - image[30, 20]) / 8  # a diagonal is nearer to 1 than to 2
    np.testing.assert_allclose(profile[:2], np.array([image[30, 20], beside]) / spread, rtol=1e-5)


def test_particle_ends_where_a_tenth_of_its_contrast_is_left() -> None:
    profile = np.zeros(100)
    profile[:30] = -1.0  # a disc of radius 29.5
    profile[30:40] = 0.4  # and its fringe
    rings = profile + np.random.default_rng(0).normal(0, 0.01, (8, 100))
    radius = edge_radius(rings)
    assert radius is not None
    assert 28.5 < radius < 30.5
    assert edge_radius(np.random.default_rng(0).normal(0, 1, (8, 100))) is None


@pytest.mark.parametrize("sign", [-1, 1])
def test_dark_and_bright_discs_of_some_size_get_a_box_a_little_wider(sign: int) -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[r, c] for r in (80, 230, 380) for c in (80, 230, 380)], dtype=float)
    rows, cols = np.mgrid[:460, :460]
    image = rng.normal(size=(460, 460))
    for row, col in centres:
        image += 0.5 * sign * (np.hypot(rows - row, cols - col) <= 30)
    micrograph = Micrograph(image.astype(np.float32), "discs")
    suggested = suggest_box([micrograph], [Labels.of(centres)])
    assert holds_the_particle_and_little_more(suggested, 61)


def test_few_clicks_clicks_on_nothing_and_no_clicks_suggest_nothing() -> None:
    micrographs, labels = blob_sample(1, 2)
    assert suggest_box([], []) is None
    assert suggest_box(micrographs, [Labels.of(), Labels.of()]) is None
    assert suggest_box(micrographs[:1], [Labels.of(labels[0].positive_yx[:4])]) is None
    noise = Micrograph(np.random.default_rng(3).normal(size=(200, 200)).astype(np.float32), "n")
    at_random = np.random.default_rng(4).uniform(20, 180, (20, 2))
    assert suggest_box([noise], [Labels.of(at_random)]) is None


def test_particles_of_a_few_pixels_get_a_box_that_shows_some_surroundings() -> None:
    centres = np.array([[r, c] for r in range(40, 220, 40) for c in range(40, 220, 40)], float)
    noise = np.random.default_rng(0).normal(size=(260, 260))
    image = (3 * blob_image((260, 260), centres) + noise).astype(np.float32)
    assert suggest_box([Micrograph(image, "b")], [Labels.of(centres)]) == LEAST_SUGGESTED_PX


def holds_the_particle_and_little_more(box_size_px: int | None, length_px: float) -> bool:
    return box_size_px is not None and length_px <= box_size_px <= MOST_BOX * length_px


@pytest.mark.parametrize("jitter_px", [0.0, 3.0])
def test_simulated_particles_fit_in_after_ten_careless_clicks(jitter_px: float) -> None:
    simulated = simulated_micrograph()
    rng = np.random.default_rng(1)
    clicks = simulated.truth_yx[:10] + rng.normal(0, jitter_px, (10, 2))
    suggested = suggest_box([simulated.micrograph], [Labels.of(clicks)])
    assert holds_the_particle_and_little_more(suggested, 91)  # px that they are long


@pytest.mark.parametrize(
    ("folder", "length_px"),
    [
        ("apoferritin", 68),  # README of the data
        ("klh", 170),
        ("bgal", 36),  # its box after binning: not the particle's length, which is 25
    ],
)
def test_real_particles_fit_in_after_a_few_clicks(
    shared_data: Path, folder: str, length_px: float
) -> None:
    path = sorted((shared_data / folder).glob("*.mrc"))[0]
    clicks = read_coordinates(path.with_suffix(".csv")).centres_yx[:12]
    suggested = suggest_box([read_micrograph(path)], [Labels.of(clicks)])
    assert holds_the_particle_and_little_more(suggested, length_px)
