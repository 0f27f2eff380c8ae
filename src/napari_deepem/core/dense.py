"""The network over a part of a micrograph: every box of a grid at once, all four rotations.

Neighbouring boxes share nearly all of their convolutions; here each is computed once. They share
the cells of a pooling layer too if they lie a whole number of cells apart. Boxes `step` pixels
apart along an axis have `cell / gcd(step, cell)` different phases of the cells: that many pooled
copies of the maps are needed, which share the convolution before them. In a copy the boxes are
`step / gcd(step, cell)` pooled pixels apart, and the next layer goes on from there. Nothing
else is evaluated, whether the step is 1 or 20 px.

Where the time goes, at the network's own step: C1 and C3 do nearly all operations, and what is
done to C1's maps afterwards moves the most memory: at 4 bytes a pixel, 24 maps of a 2048 x 2048
micrograph are 400 MB. So a convolution, its activation and its pooling are done tile by tile
in the cache, and only the pooled maps, a quarter or a ninth, are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd, sqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_deepem.core.convolution import Convolution, quickest
from napari_deepem.core.devices import exact_convolutions
from napari_deepem.core.network import Network

ROTATIONS = 4

Pair = tuple[int, int]  # along rows, along columns


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution, its activation and the mean over cells, for some networks side by side."""

    convolutions: Sequence[Convolution]  # one a network; each sees its own share of the maps
    activate: Callable[[Tensor], Tensor]  # in place
    cell_px: int
    size_px: int  # side of the maps that one box has here, before the convolution

    @property
    def kernel_px(self) -> int:
        """Side of the kernels."""
        return self.convolutions[0].kernel_px

    def pooled(self, maps: Tensor, offsets: Sequence[int]) -> dict[Pair, Tensor]:
        """Means over the cells that begin at these rows and columns of the convolved maps.

        maps is (i, h, w), those of one network after those of another; so are the results, one
        for each pair of offsets, which are below the cell's side.
        """
        each = self.convolutions[0]
        cell, kernel, spill = self.cell_px, self.kernel_px, max(offsets)
        rows, cols = ((side - kernel + 1) // cell for side in maps.shape[-2:])
        n = len(self.convolutions)
        kept = {
            (down, right): maps.new_empty(n * each.maps_out, rows, cols)
            for down, right in product(offsets, repeat=2)
        }
        reach = max(1, (each.tile_px - spill) // cell)  # cells of a tile along an axis
        for row, col in product(range(0, rows, reach), range(0, cols, reach)):
            top, left = row * cell, col * cell
            high, wide = (reach * cell + spill + kernel - 1,) * 2
            seen = maps[:, top : top + high, left : left + wide].unflatten(0, (n, -1))
            for k, convolve in enumerate(self.convolutions):
                of_network = slice(k * each.maps_out, (k + 1) * each.maps_out)
                for some, convolved in convolve(seen[k]):
                    self.activate(convolved)
                    for (down, right), whole in kept.items():
                        means = cell_means(convolved[:, down:, right:], cell)
                        part = whole[of_network][some, row : row + reach, col : col + reach]
                        part[:, : means.shape[1], : means.shape[2]] = means
        return kept


class DenseNetwork:
    """The mean over four rotations of a network's scores, for the boxes of a grid."""

    def __init__(self, network: Network, image_px: int, device: torch.device | str = "cpu") -> None:
        architecture = network.architecture
        turned = [network.rotated(k).to(device) for k in range(ROTATIONS)]
        activate = torch.sigmoid_ if architecture.activation == "sigmoid" else torch.relu_
        sizes = [architecture.box_px, *architecture.map_sizes[1::2]]
        self.box_px = architecture.box_px
        outs = [image_px * sizes[k] // sizes[0] for k in range(3)]
        self._layers = [
            Layer(_convolutions(turned, k, outs[k]), activate, architecture.pools[k], sizes[k])
            for k in range(len(architecture.pools))
        ]
        self._last_size_px = sizes[-1]
        self._weight = torch.cat([each.output.weight for each in turned])  # (4, maps, s, s)
        self._bias = torch.cat([bias_of(each.output) for each in turned])

    @torch.inference_mode()
    def scores(self, image: Tensor, step_px: int, counts: Pair) -> Tensor:
        """(rows, cols) mean scores of a grid of boxes, the first in the image's first corner.

        Parameters
        ----------
        image : (h, w) float32 tensor
            Large enough for them all: h >= (rows - 1) * step_px + box_px, and w alike.
        step_px : int
            Distance between neighbouring boxes, 1 or more.
        counts : (rows, cols)
        """
        with exact_convolutions(image.device):
            return torch.sigmoid(self._logits(image[None], 0, step_px, counts)).mean(dim=0)

    @staticmethod
    def largest_px(network: Network, step_px: int, bytes_kept: float) -> int:
        """Side of the largest image whose pooled maps take no more than that."""
        cell, maps = network.architecture.pools[0], network.architecture.maps[0]
        copies = (cell // gcd(step_px, cell)) ** 2
        bytes_a_pixel = 4 * ROTATIONS * maps * copies / cell**2
        return int(sqrt(bytes_kept / bytes_a_pixel))

    def _logits(self, maps: Tensor, depth: int, step: int, counts: Pair) -> Tensor:
        """(4, rows, cols) logits from the (i, h, w) maps before a layer, and those after it."""
        size = self._last_size_px if depth == len(self._layers) else self._layers[depth].size_px
        rows, cols = counts
        maps = maps[:, : (rows - 1) * step + size, : (cols - 1) * step + size]
        if depth == len(self._layers):
            return functional.conv2d(
                maps[None], self._weight, self._bias, stride=step, groups=ROTATIONS
            )[0]
        layer = self._layers[depth]
        cell = layer.cell_px
        phases = cell // gcd(step, cell)
        kept = layer.pooled(maps, sorted({n * step % cell for n in range(phases)}))
        logits = maps.new_empty(ROTATIONS, rows, cols)
        for n, m in product(range(phases), repeat=2):
            counts = len(range(n, rows, phases)), len(range(m, cols, phases))
            if not all(counts):
                continue
            (down, first), (right, left) = (reversed(divmod(k * step, cell)) for k in (n, m))
            part = kept[down, right][:, first:, left:]
            of_phase = self._logits(part, depth + 1, phases * step // cell, counts)
            logits[:, n::phases, m::phases] = of_phase
        return logits


def _convolutions(turned: Sequence[Network], k: int, outputs_px: int) -> list[Convolution]:
    """The k-th convolution of each rotation; the first, which all see alike, as a single one."""
    layers = [cast("nn.Conv2d", network.convolutions[k]) for network in turned]
    weights, biases = [each.weight for each in layers], [bias_of(each) for each in layers]
    if k == 0:
        weights, biases = [torch.cat(weights)], [torch.cat(biases)]
    return [
        quickest(w.detach(), b.detach(), outputs_px) for w, b in zip(weights, biases, strict=True)
    ]


def bias_of(layer: nn.Conv2d) -> Tensor:
    """The biases of a layer, which all of ours have."""
    assert layer.bias is not None
    return layer.bias


def cell_means(maps: Tensor, cell: int) -> Tensor:
    """(c, h // cell, w // cell) means of the cells of (c, h, w) maps: eq 3.

    Whole rows are added first, which is as quick as memory is; `avg_pool2d` takes six times as
    long where channels come first.
    """
    rows, cols = (side // cell * cell for side in maps.shape[-2:])
    down = maps[:, 0:rows:cell, :cols]
    for k in range(1, cell):
        down = down + maps[:, k:rows:cell, :cols]
    across = down[..., 0::cell]
    for k in range(1, cell):
        across = across + down[..., k::cell]
    return across.mul_(1.0 / cell**2) if cell > 1 else across
