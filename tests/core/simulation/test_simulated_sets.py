from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from napari_deepem.core.errors import InputError
from napari_deepem.core.simulation import (
    Detector,
    Optics,
    Projector,
    SimulationSettings,
    box_around,
    projector_of,
    random_orientations,
    simulate_set,
)
from napari_deepem.core.simulation.exposure import expose, form_image
from napari_deepem.core.simulation.scene import Placed, add_image
from napari_deepem.core.simulation.signal import SignalToNoise, noise_variance, recorded_variance
from napari_deepem.core.simulation.volume import as_cube, crop_in_fourier

OPTICS = Optics(3.0, 300.0, 2.7, 0.1, 100.0)
# Small, few and far apart: what one box shows is one particle.
SETTINGS = SimulationSettings(
    optics=OPTICS, count=1, shape=(420, 360), particles=8, snr=0.1, box_size_px=64
)


def ball(size, radius=4.0, at=(0.0, 0.0, 0.0)):
    """(size, size, size) density of a soft ball, `at` (z, y, x) from voxel size // 2."""
    z, y, x = (np.arange(size) - size // 2 - offset for offset in at)
    squared = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2
    return np.exp(-squared / (2 * radius**2)).astype(np.float32)


@pytest.fixture(scope="module")
def lopsided():
    """A particle whose projections all differ."""
    return Projector(ball(32) + 0.7 * ball(32, 2.0, (0, 6, -5)) + 0.9 * ball(32, 2.5, (7, 0, 3)))


def one(projector, settings=SETTINGS, **changes):
    (simulated,) = simulate_set(projector, replace(settings, **changes))
    return simulated


def boxes(image, centres_yx, side):
    """Boxes whose pixel side // 2 is nearest to a centre; only those that are whole."""
    corners = np.rint(centres_yx).astype(int) - side // 2
    whole = np.all((corners >= 0) & (corners + side <= image.shape), axis=1)
    return [image[y : y + side, x : x + side] for y, x in corners[whole]], whole


def centroid(image):
    y, x = np.indices(image.shape)
    return np.array([np.sum(y * image), np.sum(x * image)]) / np.sum(image)


# --- where particles are ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [32, 33])
@pytest.mark.parametrize("voxel_size", [3.0, 5.0, 2.1])
@pytest.mark.parametrize("defocus", [None, (15_000.0, 15_000.0)])
def test_truth_is_where_the_origin_of_the_volume_appears(size, voxel_size, defocus):
    projector = projector_of(ball(size, 10.0 / voxel_size), voxel_size, pixel_size=3.0)
    item = one(projector, snr=1e5, defocus_range_angstrom=defocus)
    contrast = np.square(item.micrograph.image - np.median(item.micrograph.image))
    found, whole = boxes(contrast, item.truth_yx, 48)
    truth_yx = item.truth_yx[whole]
    assert len(found) >= 4
    apart = np.abs(truth_yx[:, None] - truth_yx).max(axis=2) + np.diag(np.full(len(found), 99.0))
    alone = apart.min(axis=1) > 48  # nothing of a neighbour in the box
    shifts = np.array([centroid(box) for box in found]) - 24 - (truth_yx - np.rint(truth_yx))
    np.testing.assert_allclose(shifts[alone], 0.0, atol=0.03)
    assert alone.any()


def test_particles_are_dark(lopsided):
    item = one(lopsided, snr=100.0)
    found, _ = boxes(item.micrograph.image, item.truth_yx, 8)
    assert max(box.mean() for box in found) < np.median(item.micrograph.image)


def test_truth_lies_inside_and_reaches_the_border_where_particles_are_cut(lopsided):
    item = one(lopsided, shape=(300, 500), particles=30, snr=100.0)
    last = np.array([299, 499])
    assert len(item.truth_yx) == 30
    assert (item.truth_yx >= 0).all()
    assert (item.truth_yx <= last).all()
    assert item.truth_yx[:, 1].max() > 300
    to_edge = np.minimum(item.truth_yx, last - item.truth_yx).min(axis=1)
    assert (to_edge < 16).any()  # half of the particle


@pytest.mark.parametrize(("overlaps", "nearest"), [(0.0, 0.8), (1.0, 0.45)])
def test_particles_keep_apart_as_far_as_is_wanted(lopsided, overlaps, nearest):
    item = one(lopsided, particles=30, overlaps=overlaps, defocus_range_angstrom=None)
    distances = np.linalg.norm(item.truth_yx[:, None] - item.truth_yx, axis=2)
    distances = distances[np.triu_indices_from(distances, 1)] / 64
    assert distances.min() >= nearest
    assert (distances < 0.8).any() == (overlaps > 0)


def test_what_finds_no_place_is_left_out(lopsided):
    item = one(lopsided, particles=100, defocus_range_angstrom=None)
    assert 20 < len(item.truth_yx) < 100


def test_a_micrograph_may_be_empty(lopsided):
    item = one(lopsided, particles=0, contamination=1.0)
    assert item.truth_yx.shape == (0, 2)
    assert np.isfinite(item.micrograph.image).all()


def test_micrographs_depend_on_settings_and_their_number_alone(lopsided):
    first, second = simulate_set(lopsided, replace(SETTINGS, count=2))
    again = one(lopsided)
    np.testing.assert_array_equal(again.micrograph.image, first.micrograph.image)
    np.testing.assert_array_equal(again.truth_yx, first.truth_yx)
    assert (first.micrograph.name, second.micrograph.name) == ("simulated_001", "simulated_002")
    assert first.micrograph.shape == (420, 360)
    assert first.micrograph.image.dtype == np.float32
    assert first.micrograph.pixel_size == 3.0
    assert first.defocus_angstrom != second.defocus_angstrom
    assert all(10_000 <= item.defocus_angstrom <= 25_000 for item in (first, second))
    for other in (second, one(lopsided, seed=1)):
        assert not np.array_equal(other.micrograph.image, first.micrograph.image)


# --- the signal-to-noise ratio ------------------------------------------------------------------


@pytest.mark.parametrize("defocus", [None, (12_000.0, 12_000.0)])
def test_the_ratio_is_found_in_the_pixels(defocus):
    """All projections of a ball are alike, so that the boxes of some stand for those of all."""
    projector = Projector(ball(32, 5.0))
    quiet = one(projector, snr=0.1, defocus_range_angstrom=defocus)
    louder = one(projector, snr=0.4, defocus_range_angstrom=defocus)
    # Under the same noise, four times the variance is twice the signal.
    signal = louder.micrograph.image - quiet.micrograph.image
    noise = quiet.micrograph.image - signal
    found, whole = boxes(signal, quiet.truth_yx, 64)
    centres = quiet.truth_yx[whole]
    apart = np.abs(centres[:, None] - quiet.truth_yx).max(axis=2)
    alone = np.count_nonzero(apart < 80, axis=1) == 1  # no neighbour and no fringe of one
    ratios = [
        box.var() / noise.var() for box, one_only in zip(found, alone, strict=True) if one_only
    ]
    assert ratios == pytest.approx([0.1] * len(ratios), rel=0.03)
    assert len(ratios) >= 2


def test_the_ratio_is_found_under_a_real_detectors_noise():
    settings = replace(SETTINGS, count=6, snr=1.0, noise="detector", shape=(400, 400))
    with_particle, without = [], []
    for item in simulate_set(Projector(ball(32, 5.0)), settings):
        image = np.minimum(item.micrograph.image, 135.0)  # hot pixels
        found, whole = boxes(image, item.truth_yx, 64)
        centres = item.truth_yx[whole]
        alone = (np.abs(centres[:, None] - item.truth_yx).max(axis=2) < 64).sum(axis=1) == 1
        with_particle += [box.var() for box, one_only in zip(found, alone, strict=True) if one_only]
        y, x = np.indices(image.shape)
        away = np.min([np.hypot(y - row, x - col) for row, col in item.truth_yx], axis=0) > 50
        without.append(image[away].var())
    assert len(with_particle) >= 12
    # 12 boxes of 4096 px tell a variance within 1 %, which is 2 % of the signal's
    ratio = (np.mean(with_particle) - np.mean(without)) / np.mean(without)
    assert ratio == pytest.approx(1.0, abs=0.06)


def test_signal_is_averaged_over_the_particles_in_the_micrograph(lopsided):
    rotations = random_orientations(3, np.random.default_rng(0))
    images = [lopsided.project(rotation) for rotation in rotations]
    particles = [Placed(image, np.zeros(2, dtype=int)) for image in images]
    detector = Detector(50.0, 1.0, 0, gaussian=True)
    strength = SignalToNoise(0.2, 40).strength(particles, OPTICS, 12_000.0, detector, 0.0)
    variances = [
        recorded_variance(strength * image, 40, OPTICS, 12_000.0, detector) for image in images
    ]
    assert np.mean(variances) / (1 / 50.0) == pytest.approx(0.2, rel=1e-4)
    assert np.ptp(variances) > 0.01 * np.mean(variances)


@pytest.mark.parametrize("response", [1.0, 0.6])
@pytest.mark.parametrize("defocus", [None, 12_000.0, 25_000.0])
def test_signal_is_the_recorded_image_of_one_particle_in_its_box(lopsided, defocus, response):
    phase = np.zeros((512, 512), dtype=np.float32)
    image = 0.001 * lopsided.project(random_orientations(1, np.random.default_rng(1))[0])
    add_image(phase, image, np.array([256, 256]))
    intensity = form_image(phase, np.ones_like(phase), OPTICS, defocus)
    detector = Detector(1e12, response, 0, gaussian=True)  # so many electrons that nothing is noise
    recorded = expose(intensity, detector, np.random.default_rng(0)) / 1e12
    direct = recorded[256 - 30 : 256 + 31, 256 - 30 : 256 + 31].var(dtype=float)
    found = recorded_variance(image, 61, OPTICS, defocus, detector)
    assert found == pytest.approx(direct, rel=2e-3)


@pytest.mark.parametrize("response", [1.0, 0.6])
@pytest.mark.parametrize("ice_phase", [0.0, 0.055])
@pytest.mark.parametrize("gaussian", [True, False])
def test_noise_is_what_an_empty_micrograph_shows(response, ice_phase, gaussian):
    rng = np.random.default_rng(0)
    detector = Detector(90.0, response, 0, gaussian=gaussian)
    phase = ice_phase * rng.standard_normal((600, 600), dtype=np.float32)
    intensity = form_image(phase, np.ones_like(phase), OPTICS, 15_000.0)
    recorded = expose(intensity, detector, rng) / 90.0
    expected = noise_variance(OPTICS, 15_000.0, detector, ice_phase)
    assert recorded.var(dtype=float) == pytest.approx(expected, rel=0.02)


def test_gaussian_noise_is_white_and_the_background_clean(lopsided):
    image = one(lopsided, particles=0).micrograph.image.astype(float)
    assert image.mean() == pytest.approx(90, abs=0.1)
    assert image.var() == pytest.approx(90, rel=0.02)
    assert uniform_filter(image, 8).var() == pytest.approx(90 / 64, rel=0.2)
    centred = image - image.mean()
    for neighbour in (centred[:, 1:] * centred[:, :-1], centred[1:] * centred[:-1]):
        assert abs(neighbour.mean()) < 0.02 * 90


# --- what else there may be ---------------------------------------------------------------------


def test_ice_gets_darker_towards_one_side(lopsided):
    flat = uniform_filter(one(lopsided, particles=0).micrograph.image, 60)
    sloped = uniform_filter(one(lopsided, particles=0, ice_gradient=0.2).micrograph.image, 60)
    assert np.ptp(sloped) > 90 * 0.12 > 90 * 0.06 > np.ptp(flat)


def test_share_of_micrographs_with_carbon(lopsided):
    settings = replace(SETTINGS, shape=(256, 256), particles=0, defocus_range_angstrom=None)
    for share, expected in ((0.0, {False}), (0.5, {False, True}), (1.0, {True})):
        images = [
            uniform_filter(item.micrograph.image, 9)
            for item in simulate_set(lopsided, replace(settings, count=6, carbon=share))
        ]
        assert {bool((image < 50).mean() > 0.05) for image in images} == expected


def test_contamination_is_kept_clear_of(lopsided):
    settings = replace(SETTINGS, count=3, contamination=3.0, snr=0.05, defocus_range_angstrom=None)
    for item in simulate_set(lopsided, settings):
        dirt = uniform_filter(item.micrograph.image, 5) < 55  # darker than any particle
        assert dirt.any()
        rows, cols = np.rint(item.truth_yx).astype(int).T
        assert not dirt[rows, cols].any()


def test_detector_noise_has_thon_rings_and_hot_pixels(lopsided):
    span = (20_000.0, 20_000.0)
    image = one(
        lopsided, particles=0, noise="detector", shape=(512, 512), defocus_range_angstrom=span
    ).micrograph.image
    assert image.max() > image.mean() + 10 * image.std()
    image = np.clip(image, *np.percentile(image, [0.01, 99.99]))
    power = np.abs(np.fft.rfft2(image - image.mean())) ** 2
    frequency = np.hypot(np.fft.fftfreq(512, 3.0)[:, None], np.fft.rfftfreq(512, 3.0))
    wavelength = 0.019687
    phase = (
        np.pi * wavelength * frequency**2 * (20_000 - 0.5 * wavelength**2 * 2.7e7 * frequency**2)
    )
    transfer = np.sin(phase + np.arcsin(0.1)) ** 2
    band = (frequency > 0.03) & (frequency < 0.1)
    assert power[band & (transfer > 0.9)].mean() > 1.2 * power[band & (transfer < 0.1)].mean()


# --- volumes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixel_size", [1.7, 3.0, 4.9])
def test_a_volume_is_projected_at_any_pixel_size(pixel_size):
    def density(size, spacing):
        """Two balls at the same place in A, whatever the voxels are."""
        at = np.array([18.0, -9.0, 30.0]) / spacing
        return ball(size, 9.0 / spacing, at) + 0.5 * ball(size, 7.0 / spacing, -at)

    rotation = random_orientations(1, np.random.default_rng(2))[0]
    resampled = projector_of(density(45, 3.0), voxel_size=3.0, pixel_size=pixel_size)
    direct = Projector(density(resampled.size_px, pixel_size))
    image, wanted = (each.project(rotation) for each in (resampled, direct))
    image = image * (wanted.sum() / image.sum())  # sums over voxels of another length
    assert np.abs(image - wanted).max() < 0.02 * wanted.max()


@pytest.mark.parametrize("size", [40, 41])
def test_leaving_out_frequencies_keeps_origin_and_density(size):
    at = (3.0, -4.0, 5.0)
    fine = ball(size, 4.0, at)
    coarse = crop_in_fourier(fine, 20)
    scale = 20 / size
    expected = ball(20, 4.0 * scale, tuple(scale * offset for offset in at))
    np.testing.assert_allclose(coarse, expected, atol=0.02)


def test_a_cube_has_the_middle_of_the_map_and_no_solvent():
    density = np.full((4, 7, 6), 2.5, dtype=np.float32)
    density[2, 3, 3] = 10.0  # voxel n // 2
    cube = as_cube(density)
    assert cube.shape == (7, 7, 7)
    assert cube[3, 3, 3] == 7.5
    assert np.count_nonzero(cube) == 1


def test_the_box_has_a_margin_around_the_matter():
    sphere = (ball(48, 8.0) > 0.5).astype(np.float32)
    diameter = 2 * 8.0 * np.sqrt(2 * np.log(2))
    noise = 0.05 * np.random.default_rng(0).standard_normal(sphere.shape).astype(np.float32)
    for magnification in (1.0, 1.5):
        projector = Projector(sphere + noise, magnification)
        assert projector.diameter_px == pytest.approx(magnification * diameter, abs=1.5)
        assert box_around(projector) % 2 == 0
        assert box_around(projector) == pytest.approx(1.4 * projector.diameter_px, abs=1)


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "0 micrographs"),
        ({"particles": -1}, "-1 particles"),
        ({"seed": -1}, "seed of -1"),
        ({"shape": (1024, 20)}, "1024 x 20 px: give 64"),
        ({"shape": (1 << 20, 1024)}, "to 16384 px"),
        ({"snr": 0.0}, "ratio of 0: give 0.0001 to 1e"),
        ({"snr": float("nan")}, "ratio of nan"),
        ({"box_size_px": 4}, "box of 4 px"),
        ({"overlaps": 1.5}, "overlaps of 1.5"),
        ({"carbon": -0.1}, r"carbon of -0\.1"),
        ({"ice_gradient": 3.0}, "gradient of 3"),
        ({"contamination": float("inf")}, "contamination of inf"),
        ({"defocus_range_angstrom": (2e4, 1e4)}, "does not rise"),
        ({"defocus_range_angstrom": (1e4, 1e9)}, "at most 10 um"),
        ({"defocus_range_angstrom": (float("nan"), 1e4)}, "does not rise"),
        ({"optics": replace(OPTICS, pixel_size=0.0)}, "pixel size of 0"),
        ({"optics": replace(OPTICS, voltage_kv=-1.0)}, "voltage of -1 kV"),
        ({"optics": replace(OPTICS, amplitude_contrast=2.0)}, "contrast of 2"),
        ({"optics": replace(OPTICS, b_factor=-5.0)}, "B factor of -5"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_one_line(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        replace(SETTINGS, **changes)
    assert "\n" not in str(caught.value)


def test_a_box_must_fit_the_micrographs(lopsided):
    with pytest.raises(InputError, match="box of 100 px does not fit micrographs of 64 x 200 px"):
        one(lopsided, shape=(64, 200), box_size_px=100)
