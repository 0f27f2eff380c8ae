import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from napari_deepem.core.simulation import (
    SAMPLE_BOX_PX,
    SAMPLE_PIXEL_SIZE,
    Detector,
    Optics,
    Projector,
    contrast_transfer,
    electron_wavelength,
    expose,
    frequency_grid,
    klh_volume,
    random_orientations,
    sample_conditions,
    simulate_micrograph,
    simulate_sample,
)
from napari_deepem.core.simulation.placement import place_particles
from napari_deepem.core.simulation.scene import add_particles, project_particles

PLACEMENT = sample_conditions().placement
TOP = np.eye(3)
SIDE = Rotation.from_euler("x", 90, degrees=True).as_matrix()  # the axis along the rows' direction


@pytest.fixture(scope="module")
def volume():
    return klh_volume(SAMPLE_PIXEL_SIZE)


@pytest.fixture(scope="module")
def projector(volume):
    return Projector(volume)


@pytest.fixture(scope="module")
def sample():
    return simulate_sample(count=2)


def centroid(image):
    y, x = np.indices(image.shape)
    return np.array([np.sum(y * image), np.sum(x * image)]) / np.sum(image)


def draw(canvas, projector, centre, rotation):
    """Add one particle's projection to the canvas."""
    add_particles(
        canvas, project_particles(projector, centre[None], rotation[None]), strengths=np.ones(1)
    )


def extent_angstrom(profile):
    """Width of what exceeds a tenth of the maximum, edges interpolated."""
    level = 0.1 * profile.max()
    above = np.flatnonzero(profile > level)
    first, last = above[0], above[-1]
    left = first - (profile[first] - level) / (profile[first] - profile[first - 1])
    right = last + (profile[last] - level) / (profile[last] - profile[last + 1])
    return (right - left) * SAMPLE_PIXEL_SIZE


# --- the particle -------------------------------------------------------------------------------


def test_volume_is_centred_and_has_five_fold_and_two_fold_symmetry(volume):
    n = volume.shape[0]
    assert volume.dtype == np.float32
    assert n % 2 == 0
    axes = np.arange(n) - n // 2
    total = volume.sum(dtype=float)
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        assert abs(axes @ volume.sum(axis=others, dtype=float) / total) < 1e-3
    flipped = volume[1:, 1:, 1:][::-1, ::-1, :]  # half a turn about x, through voxel n // 2
    np.testing.assert_allclose(flipped, volume[1:, 1:, 1:], atol=1e-5)


def test_top_view_is_a_hollow_circle_35_nm_wide(projector):
    view = projector.project(TOP)
    assert extent_angstrom(view.max(axis=0)) == pytest.approx(350, rel=0.03)
    assert extent_angstrom(view.max(axis=1)) == pytest.approx(350, rel=0.03)
    y, x = np.indices(view.shape) - view.shape[0] // 2
    radius = np.hypot(y, x) * SAMPLE_PIXEL_SIZE
    ring = view[(radius > 140) & (radius < 160)]
    assert view[radius < 30].mean() < 0.1 * ring.mean()
    turned = np.array([ring.mean(), view[(radius > 140) & (radius < 160) & (y > x)].mean()])
    assert np.ptp(turned) < 0.02 * ring.mean()


def test_side_view_is_a_striped_rectangle_35_by_40_nm(projector):
    view = projector.project(SIDE)
    assert extent_angstrom(view.max(axis=1)) == pytest.approx(400, rel=0.03)
    assert extent_angstrom(view.max(axis=0)) == pytest.approx(350, rel=0.03)
    along = view.sum(axis=1)
    peaks = (along[1:-1] > along[:-2]) & (along[1:-1] > along[2:]) & (along[1:-1] > along.max() / 2)
    assert peaks.sum() == 6  # tiers


# --- projections --------------------------------------------------------------------------------


def test_projection_along_z_is_the_sum_over_z(projector, volume):
    direct = volume.sum(axis=0)
    assert np.abs(projector.project(TOP) - direct).max() < 0.005 * direct.max()


def test_projection_of_a_quarter_turn_is_the_sum_over_another_axis():
    n = 24
    volume = np.zeros((n, n, n), dtype=np.float32)
    volume[n // 2 + 3, n // 2 - 2, n // 2 + 5] = 1.0  # x = 5, y = -2, z = 3
    volume = gaussian_filter(volume, 1.5)
    about_x = Rotation.from_euler("x", 90, degrees=True).as_matrix()  # (x, y, z) -> (x, -z, y)
    np.testing.assert_allclose(
        centroid(Projector(volume).project(about_x)), [n // 2 - 3, n // 2 + 5], atol=0.02
    )


@pytest.mark.parametrize("n", [24, 25])
def test_projections_keep_the_mass_and_follow_the_rotation(n):
    rng = np.random.default_rng(3)
    point = np.array([4.0, -3.0, 2.0])  # x, y, z
    z, y, x = np.indices((n, n, n)) - n // 2
    volume = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2 + (z - point[2]) ** 2) / 5.0)
    projector = Projector(volume)
    for rotation in random_orientations(5, rng):
        image = projector.project(rotation, (0.3, -0.4))
        expected = (rotation @ point)[[1, 0]] + n // 2 + np.array([0.3, -0.4])
        assert image.shape == (n, n)
        assert image.sum() == pytest.approx(volume.sum(), rel=0.01)
        np.testing.assert_allclose(centroid(image), expected, atol=0.05)


def test_only_cubic_volumes_are_projected():
    with pytest.raises(ValueError, match="cubic"):
        Projector(np.zeros((4, 4, 5)))


def test_orientations_are_uniform_rotations():
    matrices = random_orientations(4000, np.random.default_rng(0))
    products = matrices @ matrices.transpose(0, 2, 1)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0)
    # uniform on the sphere: each direction cosine is uniform on [-1, 1]
    heights = np.sort(matrices[:, 2, 2])
    assert np.abs(heights - np.linspace(-1, 1, 4000)).max() < 0.06


@pytest.mark.parametrize("shape", [(300, 420), (421, 301)])
def test_centre_of_mass_of_a_placed_particle_is_its_truth(projector, shape):
    rng = np.random.default_rng(1)
    for centre, rotation in zip(
        rng.uniform(100, 200, (6, 2)), random_orientations(6, rng), strict=True
    ):
        canvas = np.zeros(shape, dtype=np.float32)
        draw(canvas, projector, centre, rotation)
        np.testing.assert_allclose(centroid(canvas), centre, atol=0.02)


def test_a_particle_at_the_edge_is_cut_not_moved(projector):
    large = np.zeros((400, 400), dtype=np.float32)
    small = np.zeros((200, 150), dtype=np.float32)
    draw(large, projector, np.array([105.25, 245.5]), SIDE)
    draw(small, projector, np.array([5.25, 145.5]), SIDE)
    np.testing.assert_allclose(small, large[100:300, 100:250], atol=1e-5)


# --- optics and exposure ------------------------------------------------------------------------


def test_wavelengths_are_those_of_the_tables():
    assert electron_wavelength(120) == pytest.approx(0.033492, abs=1e-6)
    assert electron_wavelength(300) == pytest.approx(0.019687, abs=1e-6)


def test_contrast_transfer_is_zero_where_the_phase_is_pi():
    optics = Optics(1.0, 120.0, spherical_aberration_mm=0.0, amplitude_contrast=0.0, b_factor=0.0)
    first_zero = 1 / np.sqrt(electron_wavelength(120) * 20_000)  # pi lambda dz k^2 = pi
    values = contrast_transfer(first_zero * np.array([0.0, 0.5, np.sqrt(0.5), 1.0]), optics, 20_000)
    np.testing.assert_allclose(values, [0, -np.sin(np.pi / 4), -1, 0], atol=1e-12)


def test_aberration_opposes_underfocus():
    optics = Optics(1.0, amplitude_contrast=0.0, b_factor=0.0)
    wavelength = electron_wavelength(120)
    balance = np.sqrt(2 * 20_000 / (wavelength**2 * 2e7))  # dz = lambda^2 k^2 Cs / 2
    assert contrast_transfer(np.array([balance]), optics, 20_000)[0] == pytest.approx(0, abs=1e-9)


def test_amplitude_contrast_and_envelope():
    optics = Optics(1.0, amplitude_contrast=0.08, b_factor=400.0)
    bare = Optics(1.0, amplitude_contrast=0.08, b_factor=0.0)
    k = np.array([0.0, 0.03, 0.05])
    values = contrast_transfer(k, optics, 20_000)
    assert values[0] == pytest.approx(-0.08)
    np.testing.assert_allclose(values, contrast_transfer(k, bare, 20_000) * np.exp(-100 * k**2))


def test_frequencies_are_laid_out_as_rfft2():
    grid = frequency_grid((4, 6), 2.0)
    assert grid.shape == np.fft.rfft2(np.zeros((4, 6))).shape
    assert grid[0, 1] == pytest.approx(1 / 12)
    assert grid[3, 0] == pytest.approx(1 / 8)
    assert grid[2, 3] == pytest.approx(np.hypot(0.25, 0.25))


def test_a_perfect_detector_shows_shot_noise():
    detector = Detector(electrons_per_px=100.0, nyquist_response=1.0, hot_pixels=0)
    image = expose(np.full((200, 200), 0.5, np.float32), detector, np.random.default_rng(0))
    assert image.mean() == pytest.approx(50, rel=0.01)
    assert image.var() == pytest.approx(50, rel=0.05)


# --- the sample ---------------------------------------------------------------------------------


def test_sample_is_float32_1024_by_1024_with_truth_inside(sample):
    assert len({item.micrograph.name for item in sample}) == len(sample) == 2
    for item in sample:
        assert item.micrograph.shape == (1024, 1024)
        assert item.micrograph.image.dtype == np.float32
        assert np.isfinite(item.micrograph.image).all()
        assert item.micrograph.pixel_size == SAMPLE_PIXEL_SIZE
        assert item.truth_yx.dtype == np.float64
        assert 25 <= len(item.truth_yx) <= 50
        assert (item.truth_yx >= 0).all()
        assert (item.truth_yx <= 1023).all()


def test_the_sample_stays_what_it_was(sample):
    """Figures and tables are made from it, and users compare their models on it."""
    first, second = (item.micrograph.image for item in sample)
    assert [len(item.truth_yx) for item in sample] == [28, 44]
    np.testing.assert_allclose(sample[0].truth_yx[0], [78.0119815, 597.1130274], atol=1e-6)
    np.testing.assert_allclose(sample[1].truth_yx[1], [369.3983624, 862.5510063], atol=1e-6)
    np.testing.assert_allclose(
        first[400, [50, 450, 850]], [87.71297, 85.11907, 70.40852], atol=1e-3
    )
    np.testing.assert_allclose(
        second[700, [50, 450, 850]], [91.28980, 104.77411, 104.34888], atol=1e-3
    )
    assert [first.mean(), first.std()] == pytest.approx([88.90972, 8.13601], abs=1e-3)
    assert [second.mean(), second.std()] == pytest.approx([88.71349, 8.25501], abs=1e-3)


def test_box_holds_the_particle_and_is_even():
    assert SAMPLE_BOX_PX % 2 == 0
    diagonal_px = np.hypot(350, 400) / SAMPLE_PIXEL_SIZE
    assert diagonal_px == pytest.approx(SAMPLE_BOX_PX, rel=0.02)


def test_micrographs_depend_on_the_seed_and_not_on_the_count(sample):
    alone = simulate_sample(count=1)[0]
    np.testing.assert_array_equal(alone.micrograph.image, sample[0].micrograph.image)
    np.testing.assert_array_equal(alone.truth_yx, sample[0].truth_yx)
    assert not np.array_equal(sample[0].micrograph.image, sample[1].micrograph.image)
    other = simulate_sample(count=1, seed=1)[0]
    assert not np.array_equal(other.micrograph.image, sample[0].micrograph.image)


def test_particles_keep_apart(sample):
    for item in sample:
        apart = np.linalg.norm(item.truth_yx[:, None] - item.truth_yx[None], axis=2)
        assert apart[np.triu_indices_from(apart, 1)].min() >= 80


def test_particles_are_dark_and_visible_at_low_resolution_only(projector):
    rng = np.random.default_rng(5)
    item = simulate_micrograph(projector, sample_conditions(), rng, "m")
    image = item.micrograph.image
    y, x = np.indices(image.shape)
    distance = np.min([np.hypot(y - r, x - c) for r, c in item.truth_yx], axis=0)
    particle, background = distance < 40, distance > 75
    smooth = gaussian_filter(image, 2.0)
    assert image[particle].mean() < image[background].mean()
    # pixel by pixel noise rules; a little blur brings the particles out
    assert image[particle].std() < 1.5 * image[background].std()
    dirt_free = background & (smooth > np.percentile(smooth[background], 3))
    assert smooth[particle].std() > 1.4 * smooth[dirt_free].std()


def test_other_shapes_hold_particles_in_proportion(projector):
    conditions = sample_conditions((512, 901), carbon=True)
    item = simulate_micrograph(projector, conditions, np.random.default_rng(2), "wide")
    assert item.micrograph.shape == (512, 901)
    assert 8 <= len(item.truth_yx) <= 22
    assert (item.truth_yx <= [511, 900]).all()
    assert item.truth_yx[:, 1].max() > 512  # columns are not mistaken for rows


def test_particles_keep_clear_of_what_is_occupied():
    occupied = np.zeros((800, 800), dtype=bool)
    occupied[:, :300] = True
    centres = place_particles(occupied, 64, 12, PLACEMENT, np.random.default_rng(0))
    assert len(centres) >= 12
    assert centres[:, 1].min() >= 350


def test_a_full_canvas_gets_no_particles():
    full = np.ones((400, 400), dtype=bool)
    centres = place_particles(full, 64, 5, PLACEMENT, np.random.default_rng(0))
    assert centres.shape == (0, 2)
