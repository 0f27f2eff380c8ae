"""Dense scoring: the network evaluated over a whole micrograph at once.

The paper cuts a box every 20 px and evaluates each with its three rotations. Neighbouring boxes
share nearly all of their convolutions; evaluating the network convolutionally computes each once.
The four rotations are four networks with turned kernels (see `Network.rotated`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil

import numpy as np
import torch

from napari_deepem.core.crops import PaddedImage
from napari_deepem.core.jobs import finish
from napari_deepem.core.model import Model
from napari_deepem.core.network import Network
from napari_deepem.core.preprocess import box_stds, prepare_micrograph, to_original
from napari_deepem.core.types import Float32Array, FloatArray, Micrograph, ScoreMap

TILE_SCORES = 64  # a tile is at most this many boxes high and wide: bounds the memory
BOXES_TO_A_BOX = 8  # at least so many boxes are scored across one: finer than positions matter


@dataclass(frozen=True, slots=True)
class TilesDone:
    """Progress of scoring one micrograph."""

    done: int
    total: int


def score(
    micrograph: Micrograph, model: Model, on_tile: Callable[[TilesDone], object] | None = None
) -> ScoreMap:
    """Score every box of a micrograph on the network's own grid.

    Parameters
    ----------
    micrograph : Micrograph
    model : Model
    on_tile : callable, optional
        Is given a `TilesDone` after every tile.

    Returns
    -------
    ScoreMap
        Box centres lie on the whole micrograph, edges included: boxes that reach over the border
        see its median there.

    Raises
    ------
    InputError
        If the micrograph is constant or smaller than the model's box.

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
    return finish(score_tiles(micrograph, model), on_tile)


def score_tiles(micrograph: Micrograph, model: Model) -> Generator[TilesDone, None, ScoreMap]:
    """Do as `score`, as a stream: yields `TilesDone`, returns the `ScoreMap`."""
    prepared = prepare_micrograph(micrograph, model.box_size_px, model.binning)
    binned = yield from score_prepared(prepared, model.network)
    return ScoreMap(
        scores=binned.scores,
        stds=binned.stds,
        origin_px=float(to_original(np.array(binned.origin_px), model.binning)),
        step_px=binned.step_px * model.binning,
        box_size_px=model.box_size_px,
        shape=micrograph.shape,
    )


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
        Distance between neighbouring boxes, a divisor of the network's own step; by default
        the coarsest that gives at least eight boxes to a box's width.

    Yields
    ------
    TilesDone

    Returns
    -------
    ScoreMap
    """
    box_px = network.architecture.box_px
    step_px = step_px or default_step(network)
    first_corner = -(box_px // 2)  # the middle of the first box is on or just before pixel 0,
    rows, cols = (
        1 + ceil((side - 1) / step_px) for side in prepared.shape
    )  # the last one's beyond
    scores = np.empty((rows, cols), dtype=np.float32)
    padded = PaddedImage.of(prepared, box_px)
    turned = [network.rotated(k) for k in range(4)]
    tiles = list(_tiles(scores.shape, network.architecture.step_px // step_px))
    for done, tile in enumerate(tiles, start=1):
        corners = [
            first_corner + step_px * np.arange(n)[part]
            for n, part in zip((rows, cols), tile, strict=True)
        ]
        scores[tile] = _mean_scores(padded.cover(corners[0], corners[1], box_px), turned)
        yield TilesDone(done, len(tiles))
    sampled = slice(padded.margin, None, step_px)
    stds = box_stds(padded.pixels, box_px)[sampled, sampled][:rows, :cols].copy()
    return ScoreMap(scores, stds, first_corner + (box_px - 1) / 2, step_px, box_px)


def default_step(network: Network) -> int:
    """The coarsest divisor of the network's own step that an eighth of a box is not below."""
    own = network.architecture.step_px
    finest_needed = network.architecture.box_px // BOXES_TO_A_BOX
    return max(step for step in range(1, own + 1) if own % step == 0 and step <= finest_needed)


def _tiles(shape: tuple[int, ...], phases: int) -> Iterator[tuple[slice, slice]]:
    """Parts of a score map whose elements the network computes together.

    Boxes share pooling cells if they lie a whole number of the network's own steps apart, which
    is every `phases`-th element of the map. Tiles of such elements bound the memory.
    """
    for row_phase, col_phase in product(range(phases), repeat=2):
        rows = range(row_phase, shape[0], phases * TILE_SCORES)
        cols = range(col_phase, shape[1], phases * TILE_SCORES)
        for row, col in product(rows, cols):
            yield (
                slice(row, min(row + phases * TILE_SCORES, shape[0]), phases),
                slice(col, min(col + phases * TILE_SCORES, shape[1]), phases),
            )


@torch.inference_mode()
def _mean_scores(tile: Float32Array, turned: list[Network]) -> Float32Array:
    """Mean of the four rotations' scores of all boxes of an (h, w) tile."""
    image = torch.from_numpy(np.ascontiguousarray(tile))[None, None]  # (1, 1, h, w)
    scores = sum(torch.sigmoid(network(image))[0] for network in turned)
    mean: Float32Array = (torch.as_tensor(scores) / len(turned)).numpy()
    return mean


@torch.inference_mode()
def score_crops(crops: Float32Array, network: Network) -> FloatArray:
    """(n,) mean scores over four rotations of (n, box, box) crops: one by one, as the paper."""
    network.eval()
    scores = np.zeros(len(crops))
    for k in range(4):
        turned = np.ascontiguousarray(np.rot90(crops, k, axes=(1, 2)))
        for batch in range(0, len(crops), 64):
            logits = network(torch.from_numpy(turned[batch : batch + 64])[:, None])  # (b, 1, 1)
            scores[batch : batch + 64] += torch.sigmoid(logits)[:, 0, 0].numpy()
    return scores / 4
