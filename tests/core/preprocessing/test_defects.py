from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from blobs import BOX_PX as BLOB_BOX_PX
from blobs import blob_micrograph, blob_sample
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import select_picks
from napari_deepem.core.picking.scoring import score, score_prepared
from napari_deepem.core.preprocessing.defects import (
    clipped_rows,
    find_blank_lines,
    find_missing_lines,
    split_narrow_gaps,
)
from napari_deepem.core.preprocessing.prepare import prepare_image
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.recipes import MODERN
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train_epochs
from napari_deepem.core.types import Float32Array, FloatArray, Micrograph
from networks import lively_network

SHAPE = (180, 220)
BAND_PX = 30
BOX_PX = 24


def image_of(seed: int = 0) -> Float32Array:
    """Noise of 1000 +- 30."""
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    return (1000.0 + 30.0 * noise).astype(np.float32)


def with_band(kind: str) -> Float32Array:
    """The last 30 rows and columns are padding."""
    image = image_of()
    faint = np.random.default_rng(1).normal(image.mean(), 0.6, SHAPE)
    fill = {"mean": image.mean(), "zero": 0.0, "faint": faint, "nan": np.nan}[kind]
    band = np.ones(SHAPE, dtype=bool)
    band[:-BAND_PX, :-BAND_PX] = False
    return np.where(band, fill, image).astype(np.float32)


def lines(count: int, *at: int) -> list[bool]:
    return [line in at for line in range(count)]


@pytest.mark.parametrize("kind", ["mean", "zero", "faint", "nan"])
def test_band_becomes_0_and_changes_nothing_farther_than_its_background_reaches(kind: str) -> None:
    untouched, found = (
        prepare_image(image, BOX_PX, Sampling(1)) for image in (image_of(), with_band(kind))
    )
    assert not found[-BAND_PX:].any()
    assert not found[:, -BAND_PX:].any()
    far = (slice(None, -BAND_PX - 2 * BOX_PX),) * 2
    np.testing.assert_allclose(found[far], untouched[far], atol=0.1)  # other pixels' median
    near = (slice(None, -BAND_PX),) * 2
    assert np.abs(found[near] - untouched[near]).mean() < 0.1
    assert found.shape == SHAPE


def test_all_sides_may_be_padded_and_binning_keeps_every_pixel_in_place() -> None:
    image = image_of()
    padded = np.pad(image, 40, constant_values=0.0)
    found = prepare_image(padded, BOX_PX, Sampling(2))
    assert found.shape == (130, 150)
    inside = found[20:-20, 20:-20]
    assert np.count_nonzero(found) == np.count_nonzero(inside)
    assert (
        np.corrcoef(inside.ravel(), prepare_image(image, BOX_PX, Sampling(2)).ravel())[0, 1] > 0.99
    )


def test_smeared_border_of_an_image_filtered_after_padding_is_found() -> None:
    image = ndimage.gaussian_filter(np.pad(image_of(), ((0, 0), (0, 12)), mode="edge"), 1.5)
    rows, cols = find_missing_lines(image)
    assert not rows.any()
    assert not cols[:-14].any()
    assert cols[-10:].all()


def test_dead_and_hot_lines_and_gaps_are_found_and_no_others() -> None:
    image = image_of()
    image[50], image[90:95] = 0.0, 1000.0
    image[:, 70] += 90.0
    image[:, 150:153] -= 60.0
    rows, cols = find_missing_lines(image)
    assert rows.tolist() == lines(SHAPE[0], 50, *range(90, 95))
    assert cols.tolist() == lines(SHAPE[1], 70, 150, 151, 152)


def test_repaired_lines_leave_the_rest_as_it_was() -> None:
    image = image_of()
    image[50] = 0.0
    image[:, 70:73] += 300.0
    found, untouched = (
        prepare_image(image, BOX_PX, Sampling(1)),
        prepare_image(image_of(), BOX_PX, Sampling(1)),
    )
    rest = np.ones(SHAPE, dtype=bool)
    rest[50], rest[:, 70:73] = False, False
    assert np.abs(found - untouched)[rest].max() < 0.25
    assert np.abs(found[50].mean()) < 0.2
    assert np.abs(found[:, 70:73].mean()) < 0.2


def test_narrow_gap_is_bridged_in_a_straight_line_and_a_wide_one_stays() -> None:
    image = np.repeat(np.arange(20, dtype=np.float32)[:, None], 20, axis=1)
    broken = image.copy()
    broken[5:8] = broken[12:16] = -7.0
    rows, cols = np.array(lines(20, 5, 6, 7, 12, 13, 14, 15)), np.zeros(20, dtype=bool)
    gaps, (wide, _) = split_narrow_gaps(rows, cols)
    found = clipped_rows(broken, slice(0, 20), (-np.inf, np.inf), gaps)
    np.testing.assert_array_equal(found[:12], image[:12])
    np.testing.assert_array_equal(found[12:16], -7.0)
    assert wide.tolist() == lines(20, 12, 13, 14, 15)
    part = clipped_rows(broken, slice(6, 14), (-5.0, 10.5), gaps)  # a gap begins before it
    np.testing.assert_array_equal(part, np.clip(found[6:14], -5.0, 10.5))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("side", ["rows", "cols", "both"])
@pytest.mark.parametrize("fill", ["zero", "mean", "own values"])
def test_blank_lines_are_missing_however_many_they_are(share: float, side: str, fill: str) -> None:
    """A.7: blank lines are no odd ones, of which there may be few only."""
    image = image_of()
    values = np.random.default_rng(2).normal(size=(SHAPE[0], 1))  # each row has one
    rows, cols = (np.arange(count) < share * count for count in SHAPE)
    rows, cols = rows & (side != "cols"), cols & (side != "rows")
    fills = {"zero": 0.0, "mean": image.mean(), "own values": values}
    blank = np.where(cols, 7.0, np.where(rows[:, None], fills[fill], image)).astype(np.float32)
    for lines_of_image in (find_blank_lines(blank), find_missing_lines(blank)):
        np.testing.assert_array_equal(lines_of_image[0], rows)
        np.testing.assert_array_equal(lines_of_image[1], cols)
    found = prepare_image(blank, 9, Sampling(1))
    assert not found[rows].any()
    assert not found[:, cols].any()
    alone = prepare_image(np.ascontiguousarray(blank[np.ix_(~rows, ~cols)]), 9, Sampling(1))
    inside = found[np.ix_(~rows, ~cols)][18:, 18:]  # farther than its background reaches
    agreement = np.corrcoef(inside.ravel(), alone[18:, 18:].ravel())  # median and spread are of all
    assert agreement[0, 1] == pytest.approx(1.0, abs=1e-6)


def test_odd_lines_among_blank_ones_are_found() -> None:
    """A.7: what is usual is that of the lines that show an image."""
    image = image_of()
    image[:110] = image[150::2] = 0.0
    image[130] += 300.0
    rows, cols = find_missing_lines(image)
    assert rows.tolist() == lines(SHAPE[0], *range(110), 130, *range(150, 180, 2))
    assert not cols.any()


def test_image_of_blank_lines_alone_has_none() -> None:
    """A.7: constant, or the same all along each row: the image is as it is."""
    rising = np.repeat(np.arange(40.0)[:, None], 50, axis=1)
    for image in (np.full((40, 50), 3.0), rising, rising.T):
        assert not np.concatenate(find_blank_lines(image)).any()


def test_specimen_is_no_defect() -> None:
    """Empty dark corner, carbon of twice the noise beside ice, a crystal's fringes."""
    corner, carbon, crystal = (image_of(seed) for seed in range(3))
    corner[-80:, -90:] = 100.0
    carbon[:70] = 900.0 + 2.0 * (carbon[:70] - 1000.0)
    crystal[40:100, 20:150] += 60.0 * np.cos(np.arange(60) * 2.0).astype(np.float32)[:, None]
    for image in (corner, carbon, crystal):
        assert not np.concatenate(find_missing_lines(image)).any()


@pytest.mark.parametrize("kind", ["mean", "zero", "faint"])
def test_no_candidate_lies_in_a_band(kind: str) -> None:
    network = lively_network(Architecture(BOX_PX, (5, 3, 3), (2, 2, 2)))
    prepared = prepare_image(with_band(kind), BOX_PX, Sampling(1))
    found = find_candidates(finish(score_prepared(prepared, network))).centres_yx
    assert len(found) > 20
    last = np.array(SHAPE) - BAND_PX
    assert (found < last + 2).all()
    assert (found > last - BOX_PX).any()


@pytest.fixture(scope="module")
def model() -> Model:
    quick = replace(MODERN, batches_per_epoch=12, batch_size=32)
    settings = TrainingSettings(BLOB_BOX_PX, epochs=8, own_recipe=quick)
    return finish(train_epochs(*blob_sample(1, 2, 3), settings))


@pytest.mark.parametrize(
    ("fill", "pads"),
    [
        (0.0, ((0, 40), (0, 40))),
        (100.0, ((0, 40), (0, 40))),
        (130.0, ((0, 40), (0, 40))),
        (0.0, ((0, 600), (0, 0))),
        (100.0, ((0, 150), (0, 0))),
        (130.0, ((0, 0), (0, 760))),
    ],
)
def test_beside_a_band_particles_are_found_where_they_are_and_nothing_else(
    model: Model, fill: float, pads: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    """A.7: also where 50 or 80 % of the rows or columns are blank."""
    micrograph, centres = blob_micrograph(7, shape=(150, 190), count=16)
    padded = np.pad(micrograph.image, pads, constant_values=fill)

    def pick(image: Float32Array) -> FloatArray:
        candidates = find_candidates(score(Micrograph(image, "m", None), model))
        return select_picks(candidates, threshold=model.threshold).centres_yx

    untouched, found = pick(micrograph.image), pick(padded)
    for picks in (untouched, found):
        distances = np.linalg.norm(centres[:, None] - picks[None], axis=2)
        assert distances.min(axis=1).max() < BLOB_BOX_PX / 4  # every particle
        assert distances.min(axis=0).max() < BLOB_BOX_PX / 4  # and nothing but particles
    assert len(found) == len(untouched) == len(centres)
