"""Dense scoring: the network evaluated over a whole micrograph at once.

The paper cuts a box every 20 px and evaluates each with its three rotations. Neighbouring boxes
share nearly all of their convolutions; evaluating the network convolutionally computes each once.
The four rotations are four networks with turned kernels (see `Network.rotated`).

Boxes share their pooling cells too if they lie a whole number of the network's own steps apart:
they have the same phase of the pooling grid. A grid of boxes is evaluated phase by phase.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, gcd

import numpy as np
import torch
from numpy.typing import NDArray

from napari_deepem.core.crops import PaddedImage
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.model import Model
from napari_deepem.core.network import Network
from napari_deepem.core.preprocess import box_stds, prepare_micrograph, to_original
from napari_deepem.core.types import Float32Array, FloatArray, Micrograph, ScoreMap

TILE_SCORES = 64  # so many boxes high and wide is what is evaluated at once: bounds the memory
BOXES_TO_A_BOX = 8  # at least so many boxes are scored across one: finer than positions matter


@dataclass(frozen=True, slots=True)
class TilesDone:
    """Progress of scoring one micrograph."""

    done: int
    total: int


def score(
    micrograph: Micrograph,
    model: Model,
    on_tile: Callable[[TilesDone], object] | None = None,
    *,
    step_px: int | None = None,
) -> ScoreMap:
    """Score the boxes of a grid that covers a micrograph.

    Parameters
    ----------
    micrograph : Micrograph
    model : Model
    step_px : int, optional
        Distance between neighbouring boxes, original pixels, a multiple of the model's binning;
        by default at most an eighth of the box. The paper's is 20 binned pixels.
    on_tile : callable, optional
        Is given a `TilesDone` after every tile.

    Returns
    -------
    ScoreMap
        One box lies in the micrograph's first corner, as the paper's first, and box centres
        on the whole micrograph, edges included: boxes that reach over the border see its
        median there.

    Raises
    ------
    InputError
        If the micrograph is constant or smaller than the model's box, or for a step that is no
        multiple of the binning.

    Examples
    --------
    >>> from napari_deepem import Labels, score, simulate_sample, train
    >>> (simulated,) = simulate_sample(1)
    >>> labels = Labels.of(simulated.truth_yx)
    >>> model = train([simulated.micrograph], [labels], box_size_px=120, epochs=1)
    >>> score_map = score(simulated.micrograph, model)
    >>> score_map.scores.shape, score_map.step_px
    ((86, 86), 12)
    """
    return finish(score_tiles(micrograph, model, step_px), on_tile)


def score_tiles(
    micrograph: Micrograph, model: Model, step_px: int | None = None
) -> Generator[TilesDone, None, ScoreMap]:
    """Do as `score`, as a stream: yields `TilesDone`, returns the `ScoreMap`."""
    binned_step = None if step_px is None else to_binned_step(step_px, model.binning)
    prepared = prepare_micrograph(micrograph, model.box_size_px, model.binning)
    binned = yield from score_prepared(prepared, model.network, binned_step)
    return ScoreMap(
        scores=binned.scores,
        stds=binned.stds,
        origin_px=float(to_original(np.array(binned.origin_px), model.binning)),
        step_px=binned.step_px * model.binning,
        box_size_px=model.box_size_px,
        shape=micrograph.shape,
        smoothing=model.smoothing,
    )


def to_binned_step(step_px: int, binning: int) -> int:
    """A step in original pixels as one in binned pixels; InputError if it is no whole number."""
    if step_px < 1 or step_px % binning:
        raise InputError(
            f"a step of {step_px} px: give {binning} px, the model's binning, or a multiple of it"
        )
    return step_px // binning


def score_prepared(
    prepared: Float32Array, network: Network, step_px: int | None = None
) -> Generator[TilesDone, None, ScoreMap]:
    """Score an (h, w) prepared image, tile by tile; all lengths are its own, binned, pixels.

    Parameters
    ----------
    prepared : (h, w) float32 array
        See `preprocess.prepare_image`.
    network : Network
    step_px : int, optional
        Distance between neighbouring boxes, 1 or more; see `default_step`.

    Yields
    ------
    TilesDone

    Returns
    -------
    ScoreMap
    """
    box_px, own_step = network.architecture.box_px, network.architecture.step_px
    step_px = step_px or default_step(network)
    corner_rows, corner_cols = (_corners(side, box_px, step_px) for side in prepared.shape)
    scores = np.empty((len(corner_rows), len(corner_cols)), dtype=np.float32)
    padded = PaddedImage.of(prepared, box_px)
    turned = [network.rotated(k) for k in range(4)]
    phases, stride = (whole // gcd(own_step, step_px) for whole in (own_step, step_px))
    tiles = list(_tiles(scores.shape, phases, max(1, TILE_SCORES // stride)))
    for done, (rows, cols) in enumerate(tiles, start=1):
        tile = padded.cover(corner_rows[rows], corner_cols[cols], box_px)
        scores[rows, cols] = _mean_scores(tile, turned)[::stride, ::stride]
        yield TilesDone(done, len(tiles))
    middles = [corners + box_px // 2 for corners in (corner_rows, corner_cols)]
    stds = box_stds(padded.pixels, box_px)[np.ix_(*(at + padded.margin for at in middles))]
    stds[_blank_at(prepared, *middles)] = 0.0
    return ScoreMap(scores, stds, corner_rows[0] + (box_px - 1) / 2, step_px, box_px)


def _blank_at(
    prepared: Float32Array, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(rows, cols) whether there is no image at these pixels and their neighbours: exact zeros."""
    blank, around = np.ones((len(rows), len(cols)), dtype=bool), (-1, 0, 1)
    last_row, last_col = (side - 1 for side in prepared.shape)
    for down, right in product(around, around):
        near = np.ix_((rows + down).clip(0, last_row), (cols + right).clip(0, last_col))
        blank &= prepared[near] == 0.0
    return blank


def default_step(network: Network) -> int:
    """The coarsest divisor of the network's own step that an eighth of a box is not below."""
    own = network.architecture.step_px
    finest_needed = network.architecture.box_px // BOXES_TO_A_BOX
    return max(step for step in range(1, own + 1) if own % step == 0 and step <= finest_needed)


def _corners(side: int, box_px: int, step_px: int) -> NDArray[np.int64]:
    """First pixels of the boxes along a side of the image: multiples of the step, 0 among them.

    Their middles reach from before the first pixel to beyond the last, unless the step is so long
    that such a box would see nothing of the image.
    """
    half = box_px // 2
    first = -min(ceil(half / step_px), (box_px - 1) // step_px)
    last = min(ceil((side - 1 - half) / step_px), (side - 1) // step_px)
    return step_px * np.arange(first, last + 1)


def _tiles(shape: tuple[int, ...], phases: int, tile_scores: int) -> Iterator[tuple[slice, slice]]:
    """Parts of a score map, each at most `tile_scores` high and wide, all of one phase.

    That is every `phases`-th element of the map, along rows and along columns.
    """
    reach = phases * tile_scores
    for row_phase, col_phase in product(range(phases), repeat=2):
        rows, cols = range(row_phase, shape[0], reach), range(col_phase, shape[1], reach)
        for row, col in product(rows, cols):
            yield (
                slice(row, min(row + reach, shape[0]), phases),
                slice(col, min(col + reach, shape[1]), phases),
            )


@torch.inference_mode()
def _mean_scores(tile: Float32Array, turned: list[Network]) -> Float32Array:
    """Mean of the four rotations' scores of all boxes of an (h, w) tile."""
    image = torch.from_numpy(tile)[None, None]  # (1, 1, h, w)
    scores = torch.cat([torch.sigmoid(network(image)) for network in turned])  # (4, rows, cols)
    mean: Float32Array = scores.mean(dim=0).numpy()
    return mean


@torch.inference_mode()
def score_crops(crops: Float32Array, network: Network) -> FloatArray:
    """(n,) mean scores over four rotations of (n, box, box) crops: one by one, as the paper."""
    scores = np.zeros(len(crops))
    for k in range(4):
        turned = np.ascontiguousarray(np.rot90(crops, k, axes=(1, 2)))
        for batch in range(0, len(crops), 64):
            logits = network(torch.from_numpy(turned[batch : batch + 64])[:, None])  # (b, 1, 1)
            scores[batch : batch + 64] += torch.sigmoid(logits)[:, 0, 0].numpy()
    return scores / 4
