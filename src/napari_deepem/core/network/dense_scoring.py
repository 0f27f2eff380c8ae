"""A network's scores of every box of a grid at once, in all four rotations.

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

from napari_deepem.core.network.convolution import Convolution, quickest
from napari_deepem.core.network.devices import exact_convolutions
from napari_deepem.core.network.network import Network

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

        maps is (n, i, h, w) for n networks; so are the results, one for each pair of offsets, which
        are below the cell's side. They are laid out with channels last, as `Direct` likes them.
        """
        convolution, n = self.convolutions[0], len(self.convolutions)
        cell, kernel = self.cell_px, self.kernel_px
        rows, cols = ((side - kernel + 1) // cell for side in maps.shape[-2:])
        spare = 1 if any(offsets) else 0  # cells that begin further on end in the next one
        maps = functional.pad(maps, (0, spare * cell, 0, spare * cell))
        copies = {
            (down, right): maps.new_empty(n, rows, cols, convolution.maps_out).permute(0, 3, 1, 2)
            for down, right in product(offsets, repeat=2)
        }
        reach = max(1, convolution.tile_px // cell - spare)  # cells of a tile along an axis
        tiles = list(product(range(0, rows, reach), range(0, cols, reach)))
        # all tiles by one network, then by the next: its weights stay in the cache
        for (k, convolve), (row, col) in product(enumerate(self.convolutions), tiles):
            high, wide = min(reach, rows - row), min(reach, cols - col)
            bottom, right_end = (
                (first + count + spare) * cell + kernel - 1
                for first, count in ((row, high), (col, wide))
            )
            tile = maps[k, :, row * cell : bottom, col * cell : right_end]
            for part, cells in convolve(tile):
                self.activate(cells)
                for (down, right), copy in copies.items():
                    pooled = copy[k, part, row : row + high, col : col + wide]
                    pooled.copy_(cell_means(cells, down, right, high, wide))
        return copies


class DenseNetwork:
    """A network that scores the boxes of a grid: the mean over its four rotations, or fewer."""

    def __init__(
        self,
        network: Network,
        image_px: int,
        device: torch.device | str = "cpu",
        rotations: int = ROTATIONS,
    ) -> None:
        architecture = network.architecture
        turned = [network.rotated(k).to(device) for k in range(rotations)]
        activate = torch.sigmoid_ if architecture.activation == "sigmoid" else torch.relu_
        sizes = [architecture.box_px, *architecture.map_sizes[1::2]]
        self.box_px = architecture.box_px
        outs = [image_px * sizes[k] // sizes[0] for k in range(3)]
        self._layers = [
            Layer(_convolutions(turned, k, cell, outs[k]), activate, cell, sizes[k])
            for k, cell in enumerate(architecture.pools)
        ]
        self._last_size_px = sizes[-1]
        self._weights = [each.output.weight for each in turned]
        self._biases = [bias_of(each.output) for each in turned]

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
            maps = image[None, None].to(self._weights[0].dtype)
            return torch.sigmoid(self._logits(maps, 0, step_px, counts)).mean(dim=0)

    @staticmethod
    def largest_px(network: Network, step_px: int, bytes_kept: float) -> int:
        """Side of the largest image whose pooled maps take no more than `bytes_kept`."""
        cell, maps = network.architecture.pools[0], network.architecture.maps[0]
        copies = (cell // gcd(step_px, cell)) ** 2
        bytes_a_pixel = 4 * ROTATIONS * maps * copies / cell**2
        return int(sqrt(bytes_kept / bytes_a_pixel))

    def _logits(self, maps: Tensor, depth: int, step: int, counts: Pair) -> Tensor:
        """(rotations, rows, cols) logits from the (n, i, h, w) maps before a layer."""
        size = self._last_size_px if depth == len(self._layers) else self._layers[depth].size_px
        rows, cols = counts
        maps = maps[..., : (rows - 1) * step + size, : (cols - 1) * step + size]
        if depth == len(self._layers):
            outputs = zip(maps.split(1), self._weights, self._biases, strict=True)
            return torch.cat([functional.conv2d(*each, stride=step)[0] for each in outputs])
        layer = self._layers[depth]
        cell = layer.cell_px
        phases = cell // gcd(step, cell)
        copies = layer.pooled(maps, sorted({n * step % cell for n in range(phases)}))
        logits = maps.new_empty(len(self._weights), rows, cols)
        for n, m in product(range(phases), repeat=2):
            phase_counts = len(range(n, rows, phases)), len(range(m, cols, phases))
            if not all(phase_counts):
                continue
            (down, top), (right, left) = (reversed(divmod(k * step, cell)) for k in (n, m))
            part = copies[down, right][..., top:, left:]
            if depth == 0:
                part = part[0].unflatten(0, (len(self._weights), -1))
            phase_logits = self._logits(part, depth + 1, phases * step // cell, phase_counts)
            logits[:, n::phases, m::phases] = phase_logits
        return logits


def _convolutions(
    turned: Sequence[Network], k: int, cell_px: int, outputs_px: int
) -> list[Convolution]:
    """The k-th convolution of each rotation; the first, which all see alike, as a single one."""
    layers = [cast("nn.Conv2d", network.convolutions[k]) for network in turned]
    weights, biases = [each.weight for each in layers], [bias_of(each) for each in layers]
    if k == 0:
        weights, biases = [torch.cat(weights)], [torch.cat(biases)]
    return [
        quickest(weight.detach(), bias.detach(), cell_px, outputs_px)
        for weight, bias in zip(weights, biases, strict=True)
    ]


def bias_of(layer: nn.Conv2d) -> Tensor:
    """The biases of a layer, which all of ours have."""
    assert layer.bias is not None
    return layer.bias


def cell_means(cells: Tensor, down: int, right: int, rows: int, cols: int) -> Tensor:
    """(c, rows, cols) means over the cells that begin so far down and right: eq 3.

    cells is (cell, cell, c, rows or more, cols or more): see `Convolution`.
    """
    side = len(cells)
    parts = []
    for a, b in product(range(down, down + side), range(right, right + side)):
        (row, a), (col, b) = divmod(a, side), divmod(b, side)
        parts.append(cells[a, b, :, row : row + rows, col : col + cols])
    total = parts[0] if side == 1 else parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total / side**2
