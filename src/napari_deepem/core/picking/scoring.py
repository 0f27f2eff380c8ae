"""Dense scoring: the network evaluated over a whole micrograph at once.

The paper cuts a box every 20 px and evaluates each with its three rotations. Evaluating the network
convolutionally computes what neighbouring boxes share once; see `dense_scoring`. That is done tile
by tile: memory does not grow with the micrograph, and work can be stopped in between.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from itertools import product
from math import ceil

import numpy as np
import torch

from napari_deepem.core.jobs import TilesDone, finish
from napari_deepem.core.network.dense_scoring import ROTATIONS, DenseNetwork
from napari_deepem.core.network.devices import (
    DeviceName,
    chosen_device,
    exact_convolutions,
    is_out_of_memory,
)
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.tiling import (
    blank_at,
    corners_along,
    cut_window,
    default_step,
    parts_of,
    stds_of_boxes,
)
from napari_deepem.core.preprocessing.prepare import prepare_micrograph
from napari_deepem.core.types import Float32Array, FloatArray, Micrograph, ScoreMap

TILE_BOXES = 18  # side of a tile: evaluating what it shares with the next adds an eighth
CPU = torch.device("cpu")
KEPT_BYTES = 160e6  # of pooled maps in a tile: with large boxes or many maps it is smaller


def score(
    micrograph: Micrograph,
    model: Model,
    on_tile: Callable[[TilesDone], object] | None = None,
    *,
    step_px: int | None = None,
    device: DeviceName = "auto",
) -> ScoreMap:
    """The scores of the boxes of a grid that covers a micrograph.

    Parameters
    ----------
    micrograph : Micrograph
    model : Model
    step_px : int, optional
        Distance between neighbouring boxes, original pixels: a multiple of the model's binning, or
        of another scale the nearest one;
        by default at most an eighth of the box. The paper's is 20 network pixels.
    on_tile : callable, optional
        Is given a `TilesDone` after every tile.
    device : "auto", "cpu", "cuda" or "mps"
        What computes; `auto` takes a GPU where there is one. Scores agree to 1e-4.

    Returns
    -------
    ScoreMap
        One box lies in the micrograph's first corner, as the paper's first, and box centres
        on the whole micrograph, edges included: boxes that reach over the border see its
        median there.

    Raises
    ------
    InputError
        If the micrograph is constant or smaller than the model's box, for a step that is no
        multiple of a binning by a whole number, or a device that this machine does not have.

    Examples
    --------
    >>> from napari_deepem import Labels, score, simulate_sample, train
    >>> (simulated,) = simulate_sample(1)
    >>> labels = Labels.of(simulated.truth_yx)
    >>> model = train([simulated.micrograph], [labels], 120, binning=3, epochs=1)
    >>> score_map = score(simulated.micrograph, model)
    >>> score_map.scores.shape, score_map.step_px
    ((86, 86), 12)
    """
    return finish(score_tiles(micrograph, model, step_px, device), on_tile)


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """A micrograph as the network of a model sees it, which is less than what was recorded."""

    image: Float32Array  # (h, w) network pixels, see `prepare_image`
    name: str
    shape: tuple[int, int]  # (height, width) of the micrograph, original pixels


def prepare_for(micrograph: Micrograph, model: Model) -> Prepared:
    """A micrograph, prepared for a model; InputError if it is constant or smaller than a box."""
    image = prepare_micrograph(micrograph, model.box_size_px, model.sampling)
    return Prepared(image, micrograph.name, micrograph.shape)


def score_tiles(
    micrograph: Micrograph | Prepared,
    model: Model,
    step_px: int | None = None,
    device: DeviceName = "auto",
    first_yx: tuple[float, float] | None = None,
) -> Generator[TilesDone, None, ScoreMap]:
    """A stream of `TilesDone` that returns the `ScoreMap`: `score` tile by tile.

    Tiles around `first_yx`, original pixels, come first: a user looks there. What is known by then
    is in original pixels, too. Parameters and errors are those of `score`.
    """
    sampling, computes, shape = model.sampling, chosen_device(device), micrograph.shape
    steps = None if step_px is None else sampling.steps(step_px)
    if first_yx is not None:
        row, col = sampling.to_network(np.array(first_yx))
        first_yx = float(row), float(col)

    def in_original_px(score_map: ScoreMap) -> ScoreMap:
        return replace(
            score_map,
            origin_px=float(sampling.to_original(np.array(score_map.origin_px))),
            step_px=score_map.step_px * sampling.scale,
            box_size_px=model.box_size_px,
            shape=shape,
            smoothing=model.smoothing,
        )

    if isinstance(micrograph, Micrograph):
        micrograph = prepare_for(micrograph, model)
    tiles = score_prepared(micrograph.image, model.network, steps, computes, first_yx)
    while True:
        try:
            done = next(tiles)
        except StopIteration as stop:
            return in_original_px(stop.value)
        assert done.so_far is not None
        yield replace(done, so_far=in_original_px(done.so_far))


def score_prepared(
    prepared: Float32Array,
    network: Network,
    step_px: int | None = None,
    device: torch.device = CPU,
    first_yx: tuple[float, float] | None = None,
    rotations: int = ROTATIONS,
) -> Generator[TilesDone, None, ScoreMap]:
    """A stream of `TilesDone` that returns the `ScoreMap` of a prepared image, in network pixels.

    Parameters
    ----------
    prepared : (h, w) float32 array
        See `prepare.prepare_image`.
    network : Network
    step_px : int, optional
        Distance between neighbouring boxes, 1 or more; see `default_step`.
    device : torch.device
    first_yx : (row, col), optional
        Tiles around it come first; in reading order by default.
    rotations : int
        Of the network, whose mean the scores are; fewer than four are quicker, and less sure.

    Yields
    ------
    TilesDone

    Returns
    -------
    ScoreMap
    """
    box_px = network.architecture.box_px
    step_px = step_px or default_step(network)
    corner_rows, corner_cols = (corners_along(side, box_px, step_px) for side in prepared.shape)
    scores, stds = np.zeros((2, len(corner_rows), len(corner_cols)), dtype=np.float32)
    score_tile = TileScorer(network, step_px, device, max(scores.shape), rotations)
    tiles = list(
        product(
            parts_of(scores.shape[0], score_tile.side), parts_of(scores.shape[1], score_tile.side)
        )
    )
    if first_yx is not None:
        corner_yx = np.array(first_yx) - box_px / 2
        tiles.sort(
            key=lambda tile: np.hypot(
                corner_rows[tile[0]].mean() - corner_yx[0],
                corner_cols[tile[1]].mean() - corner_yx[1],
            )
        )
    origin_px = corner_rows[0] + (box_px - 1) / 2
    for done, (rows, cols) in enumerate(tiles, start=1):
        tile = cut_window(prepared, corner_rows[rows], corner_cols[cols], box_px)
        scores[rows, cols] = score_tile(tile)
        stds[rows, cols] = stds_of_boxes(tile, box_px, step_px)
        so_far = ScoreMap(scores.copy(), stds.copy(), origin_px, step_px, box_px)
        yield TilesDone(done, len(tiles), so_far)
    stds[blank_at(prepared, corner_rows + box_px // 2, corner_cols + box_px // 2)] = 0.0
    return ScoreMap(scores, stds, origin_px, step_px, box_px)


class TileScorer:
    """A network that scores tiles on a device; short of memory smaller ones, then on the CPU."""

    def __init__(
        self,
        network: Network,
        step_px: int,
        device: torch.device,
        longest: int,
        rotations: int = ROTATIONS,
    ) -> None:
        box_px = network.architecture.box_px
        self._network, self._step_px, self._device = network, step_px, device
        self._rotations = rotations
        tile_px = min(TILE_BOXES * box_px, DenseNetwork.largest_px(network, step_px, KEPT_BYTES))
        fewest = ceil(longest * step_px / tile_px)
        self.side = ceil(longest / fewest)  # scores in a tile along an axis
        image_px = (self.side - 1) * step_px + box_px
        self._dense = DenseNetwork(network, image_px, device, rotations)

    def __call__(self, tile: Float32Array) -> Float32Array:
        """(rows, cols) scores of all boxes of an (h, w) tile."""
        counts = [(side - self._dense.box_px) // self._step_px + 1 for side in tile.shape]
        try:
            image = torch.from_numpy(tile).to(self._device)
            scores = self._dense.scores(image, self._step_px, (counts[0], counts[1]))
            return np.asarray(scores.cpu().numpy())
        except RuntimeError as error:
            if self._device.type == "cpu" or not is_out_of_memory(error):
                raise
        if max(counts) > 1:
            return self._halved(tile, counts)
        warnings.warn(
            f"too little memory on {self._device}: the CPU scores instead",
            RuntimeWarning,
            stacklevel=2,
        )
        self._device = torch.device("cpu")
        self._dense = DenseNetwork(self._network, max(tile.shape), self._device, self._rotations)
        return self(tile)

    def _halved(self, tile: Float32Array, counts: list[int]) -> Float32Array:
        axis = int(np.argmax(counts))
        half = counts[axis] // 2  # boxes in the first part, whose last ones reach into the second
        end = (half - 1) * self._step_px + self._dense.box_px
        first = np.take(tile, range(end), axis)
        second = np.take(tile, range(half * self._step_px, tile.shape[axis]), axis)
        return np.concatenate([self(first), self(second)], axis)


def score_crops(crops: Float32Array, network: Network, device: torch.device = CPU) -> FloatArray:
    """(n,) mean scores over four rotations of (n, box, box) crops: one by one, as the paper."""
    return np.asarray(scores_by_rotation(crops, network, device).mean(axis=1))


@torch.inference_mode()
def scores_by_rotation(
    crops: Float32Array, network: Network, device: torch.device = CPU
) -> FloatArray:
    """(n, 4) scores of (n, box, box) crops, as they are and turned by 90, 180 and 270 degrees."""
    scores = np.zeros((len(crops), 4))
    if device.type != "cpu":
        network = copy.deepcopy(network).to(device)
    for k in range(4):
        turned = np.ascontiguousarray(np.rot90(crops, k, axes=(1, 2)))
        for batch in range(0, len(crops), 64):
            boxes = torch.from_numpy(turned[batch : batch + 64])[:, None].to(device)
            with exact_convolutions(device):
                logits = network(boxes)  # (b, 1, 1)
            scores[batch : batch + 64, k] = torch.sigmoid(logits)[:, 0, 0].cpu().numpy()
    return scores
