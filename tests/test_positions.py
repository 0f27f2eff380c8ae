"""Click -> crop -> score map -> candidate -> file -> read back, in pixels of the original file.

A network with weights set by hand stands in for a trained one: it correlates each box with a blob
in the middle of the box, so its score is highest where a blob is centred, and only there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from blobs import blob_image
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import select_picks
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.dataset import cut_boxes, prepare_fields
from napari_deepem.core.types import Float32Array, FloatArray, Labels, Micrograph, Picks
from napari_deepem.io.coordinates import read_coordinates, write_coordinates
from networks import layers_of

PEAK_LOGIT = 3.0  # a sigmoid that is not saturated keeps the shape of the peak


def gaussian_kernel(side: int, sigma: float) -> torch.Tensor:
    """(side, side) around its own middle, odd or even."""
    middle = np.full((1, 2), (side - 1) / 2)
    return torch.from_numpy(blob_image((side, side), middle, sigma).astype(np.float32))


@torch.no_grad()
def matched_network(crop: Float32Array, sigma: float) -> Network:
    """A relu network that scores how well a box holds a blob in its middle; 3 for the crop."""
    architecture = replace(Architecture.for_box(crop.shape[0]), activation="relu")
    network = Network(architecture).eval()
    for layer in layers_of(network):
        layer.weight.zero_()
        assert layer.bias is not None
        layer.bias.zero_()
        layer.weight[0, 0] = 1.0 / layer.weight[0, 0].numel()
    cell = architecture.step_px
    sides = architecture.map_sizes[-1]
    network.output.weight[0, 0] = gaussian_kernel(sides, sigma / cell)
    network.output.weight.mul_(PEAK_LOGIT / network(torch.from_numpy(crop)[None, None]).max())
    return network


@dataclass(frozen=True)
class Setup:
    micrograph: Micrograph
    click: FloatArray  # (2,)
    box_size_px: int
    binning: int
    sigma_px: float  # of the blob, original pixels


def setup_with_blob(
    shape: tuple[int, int],
    click: tuple[float, float],
    box_size_px: int,
    binning: int,
    *,
    sigma_boxes: float = 1 / 7,
    seed: int = 0,
) -> Setup:
    """A blob of 6 sigmas on noise that has no structure of the blob's size."""
    sigma_px = sigma_boxes * box_size_px
    noise = np.random.default_rng(seed).normal(size=shape)
    noise -= gaussian_filter(noise, 2.0 * binning, mode="reflect")
    centre = np.array(click)
    image = 50.0 + 10.0 * (6.0 * blob_image(shape, centre[None], sigma_px) + noise)
    micrograph = Micrograph(image.astype(np.float32), "m")
    return Setup(micrograph, centre, box_size_px, binning, sigma_px)


def crop_at_click(setup: Setup) -> Float32Array:
    """The box that training would cut for this click."""
    labels = [Labels.of(setup.click)]
    fields = prepare_fields([setup.micrograph], labels, setup.box_size_px, Sampling(setup.binning))
    box_px = round(setup.box_size_px / setup.binning)
    (crop,) = cut_boxes(fields, [field.positive_yx for field in fields], box_px)
    return crop


def picks_of(setup: Setup) -> tuple[Picks, float]:
    """The pick of the highest score, and the distance between neighbouring boxes."""
    network = matched_network(crop_at_click(setup), setup.sigma_px / setup.binning)
    model = Model(
        network, "by hand", setup.box_size_px, Sampling(setup.binning), None, 0.5, (0.0, 99.0)
    )
    score_map = score(setup.micrograph, model)
    picks = select_picks(find_candidates(score_map), threshold=0.6)
    return picks, score_map.step_px


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    binning = draw(st.integers(1, 4))
    box_size_px = draw(st.integers(25 * binning, 36 * binning))
    sides = [draw(st.integers(3 * box_size_px, 4 * box_size_px)) for _ in range(2)]
    click = [draw(st.floats(0.7 * box_size_px, side - 1 - 0.7 * box_size_px)) for side in sides]
    return setup_with_blob(
        (sides[0], sides[1]),
        (click[0], click[1]),
        box_size_px,
        binning,
        seed=draw(st.integers(0, 99)),
    )


def tolerance_px(step_px: float) -> float:
    """What is asked of a pick: a twentieth of the grid's step, which is what the parabola leaves of
    a peak that is no parabola, and a fifth of a pixel, by which the noise may move a blob.
    """
    return 0.05 * step_px + 0.2


def middle_of_blob(crop: Float32Array, sigma: float) -> FloatArray:
    """(2,) centre of mass as seen through a Gaussian window that follows it."""
    rows, cols = np.indices(crop.shape)
    middle = np.array(crop.shape) / 2
    for _ in range(30):
        weights = crop * blob_image(crop.shape, middle[None], sigma)
        middle = np.array([(rows * weights).sum(), (cols * weights).sum()]) / weights.sum()
    return middle


@settings(max_examples=40)
@given(setups())
def test_crop_has_the_clicked_particle_in_its_middle_to_half_a_pixel(setup: Setup) -> None:
    crop = crop_at_click(setup)
    middle = middle_of_blob(crop, setup.sigma_px / setup.binning)
    off_centre = np.abs(middle - (crop.shape[0] - 1) / 2)
    assert off_centre.max() <= 0.5 + 0.2  # the noise may move the blob by a fifth


@settings(max_examples=50)
@given(setup=setups())
def test_pick_lies_where_the_particle_was_clicked(
    setup: Setup, tmp_path_factory: pytest.TempPathFactory
) -> None:
    picks, step_px = picks_of(setup)
    assert len(picks) == 1
    assert picks.box_size_px == setup.box_size_px
    assert np.abs(picks.centres_yx[0] - setup.click).max() <= tolerance_px(step_px)

    folder = tmp_path_factory.mktemp("picks")
    for suffix, rounding in ((".csv", 0.0), (".star", 0.5), (".box", 0.5)):  # whole pixels
        write_coordinates(folder / f"m{suffix}", picks)
        (found,) = read_coordinates(folder / f"m{suffix}").centres_yx
        assert np.abs(found - picks.centres_yx[0]).max() <= rounding + 1e-9
        assert np.abs(found - setup.click).max() <= rounding + tolerance_px(step_px)


EDGE_BOXES = 0.12  # from a particle's centre to the edge: a third of its box lies outside


@pytest.mark.parametrize(("box_px", "binning"), [(40, 1), (41, 1), (81, 2), (130, 3), (160, 4)])
@pytest.mark.parametrize("row", ["first", "middle", "last"])
@pytest.mark.parametrize("col", ["first", "last"])
def test_particle_at_the_edge_is_picked_to_a_step_of_the_grid(
    box_px: int, binning: int, col: str, row: str
) -> None:
    for extra in range(0, 8 * binning, 2 * binning + 1):  # last rows that fill no binned pixel
        shape = (3 * box_px + extra, 4 * box_px + extra // 2)
        near = EDGE_BOXES * box_px
        clicks = [
            {"first": near, "middle": side / 2 + 0.3, "last": side - 1 - near}[where]
            for side, where in zip(shape, (row, col), strict=True)
        ]
        setup = setup_with_blob(
            shape, (clicks[0], clicks[1]), box_px, binning, sigma_boxes=0.1, seed=extra
        )
        picks, step_px = picks_of(setup)
        assert np.abs(picks.centres_yx - setup.click).max(axis=1).min(initial=np.inf) <= step_px


@settings(max_examples=40)
@given(
    row=st.floats(-0.5, 0.45),
    col=st.floats(-0.5, 0.45),
    at_end=st.tuples(st.booleans(), st.booleans()),
    binning=st.integers(1, 4),
    box_px=st.integers(24, 33),
)
def test_click_on_the_outermost_pixel_is_cut_written_and_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    row: float,
    col: float,
    at_end: tuple[bool, bool],
    binning: int,
    box_px: int,
) -> None:
    shape = (box_px * binning + 7, box_px * binning + 22)
    ends = [side - 1 if last else 0 for side, last in zip(shape, at_end, strict=True)]
    click = np.array([ends[0] + row, ends[1] + col])
    setup = setup_with_blob(shape, (click[0], click[1]), box_px * binning, binning)
    assert np.isfinite(crop_at_click(setup)).all()
    folder = tmp_path_factory.mktemp("picks")
    for suffix in (".box", ".star", ".csv"):
        picks = Picks(click[None], np.array([0.5]), box_px * binning)
        write_coordinates(folder / f"m{suffix}", picks)
        (found,) = read_coordinates(folder / f"m{suffix}").centres_yx
        assert np.abs(found - click).max() <= 0.5
