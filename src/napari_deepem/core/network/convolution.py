"""The convolution of a layer's maps for the pooling after it, in two ways, and which is quicker.

Both give every whole overlap of kernel and maps, (o, h - k + 1, w - k + 1) of (i, h, w), to
within rounding, sorted by the place that a pixel has in its pooling cell: the mean over cells is
then a sum of whole arrays.

Directly, an output pixel of all maps takes `2 k^2 i o` operations. Processors compute 16 maps
as quickly as one, and C1, C3 and C5 have 6, 12 or 24: so the c x c pixels of a cell are
computed as that many maps with shifted kernels, `k + c - 1` wide, at every c-th pixel.

Through the Fourier transform a square of n x n pixels takes i transforms there and o back, each
of `2.5 n^2 log2(n^2)` operations where numbers are real, and `4 i o n^2` for the products;
`n - k + 1` of its pixels along each axis are of use. These operations wait for memory, while a
direct convolution multiplies and adds in registers: they take some twenty times as long. The
widest kernels, C1's on large boxes, gain sixfold by the transform; narrow ones lose as much.

The choice is worked out from these counts, not measured: scores do not depend on how busy a
machine was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import product
from math import ceil, log2

import torch
from torch import Tensor
from torch.nn import functional

# quick to transform, being products of 2, 3 and 5; larger ones leave the cache
TRANSFORM_SIDES = (64, 72, 80, 96, 108, 120, 128, 144, 160, 180, 192, 240)
TRANSFORM_COST = 22.0  # of an operation, in those of a direct one: timed in place, with AVX-512
MAPS_AT_ONCE = 16  # that a direct convolution computes as quickly as one
CACHED_PIXELS = 2**19  # of maps that are transformed back at once: two megabytes
DIRECT_SIDE = 128  # of the outputs of one call, which with their maps fit the cache

Part = tuple[slice, Tensor]  # which of the maps, and their pixels: (cell, cell, maps, rows, cols)


class Convolution(ABC):
    """A convolution by a layer's (o, i, k, k) weights and (o,) biases, of a tile at a time."""

    tile_px: int  # side of the outputs that are computed at once

    def __init__(self, weight: Tensor, bias: Tensor, cell_px: int) -> None:
        self.maps_out, self.maps_in, self.kernel_px, _ = weight.shape
        self.cell_px = cell_px
        self._bias = bias

    @abstractmethod
    def __call__(self, maps: Tensor) -> Iterator[Part]:
        """The convolved maps, some at a time, of (i, h, w) maps of whole cells, at most a tile.

        Element [a, b, :, row, col] is pixel (row * cell + a, col * cell + b) of the convolved maps.
        """


class Direct(Convolution):
    """A convolution that multiplies and adds; channels last are a quarter quicker than first."""

    def __init__(
        self, weight: Tensor, bias: Tensor, cell_px: int, tile_px: int = DIRECT_SIDE
    ) -> None:
        super().__init__(weight, bias, cell_px)
        self.tile_px = tile_px
        spare = cell_px - 1
        shifted = [
            functional.pad(weight, (right, spare - right, down, spare - down))
            for down, right in product(range(cell_px), repeat=2)
        ]
        self._weight = torch.cat(shifted).contiguous(memory_format=torch.channels_last)
        self._bias = bias.repeat(cell_px**2)

    def __call__(self, maps: Tensor) -> Iterator[Part]:
        """The convolved maps, all in one part."""
        tile = channels_last(maps)[None]
        cells = functional.conv2d(tile, self._weight, self._bias, stride=self.cell_px)[0]
        yield slice(None), cells.unflatten(0, (self.cell_px, self.cell_px, -1))


class Spectral(Convolution):
    """A convolution that multiplies transforms, map by map: as matrices they would be scattered."""

    def __init__(self, weight: Tensor, bias: Tensor, cell_px: int, side: int) -> None:
        super().__init__(weight, bias, cell_px)
        self.tile_px = side - self.kernel_px + 1
        self._side = (side, side)
        self._at_once = max(1, CACHED_PIXELS // side**2)
        # conjugated, since a layer does not turn its kernels around as a convolution does
        spectra = torch.fft.rfft2(weight, s=self._side).conj().resolve_conj()
        self._spectra = spectra.transpose(0, 1).contiguous()  # (i, o, n, n // 2 + 1)
        self._constant = bias * side**2  # a constant's transform is its sum, at frequency 0

    def __call__(self, maps: Tensor) -> Iterator[Part]:
        """The convolved maps, as many in a part as stay in the cache while transformed back."""
        rows, cols = (side - self.kernel_px + 1 for side in maps.shape[-2:])
        transforms = torch.fft.rfft2(maps, s=self._side)
        for first in range(0, self.maps_out, self._at_once):
            part = slice(first, first + self._at_once)
            products = self._spectra[0, part] * transforms[0]
            for spectra, transform in zip(self._spectra[1:, part], transforms[1:], strict=True):
                products.addcmul_(spectra, transform)
            products[:, 0, 0] += self._constant[part]
            convolved = torch.fft.irfft2(products, s=self._side)[:, :rows, :cols]
            cells = convolved.unflatten(1, (-1, self.cell_px)).unflatten(3, (-1, self.cell_px))
            yield part, cells.permute(2, 4, 0, 1, 3)


def channels_last(maps: Tensor) -> Tensor:
    """(i, h, w) maps, laid out anew with a pixel's numbers side by side.

    Where there is one map, it is the strides that tell torch to go on in this layout.
    """
    return maps.permute(1, 2, 0).clone(memory_format=torch.contiguous_format).permute(2, 0, 1)


def quickest(weight: Tensor, bias: Tensor, cell_px: int, outputs_px: int) -> Convolution:
    """The quickest convolution by (o, i, k, k) weights and (o,) biases, for cells of `cell_px`.

    `outputs_px` is the side of the outputs to compute: tiles of transforms had better fill it.
    A GPU convolves directly, all of it in one call: it has no cache to stay in.
    """
    if weight.device.type != "cpu":
        return Direct(weight, bias, cell_px, tile_px=outputs_px)
    maps_out, maps_in, kernel_px, _ = weight.shape
    costs = {
        side: transform_cost(maps_out, maps_in, kernel_px, side, outputs_px)
        for side in TRANSFORM_SIDES
        if side >= 2 * kernel_px
    }
    side = min(costs, key=costs.__getitem__, default=None)
    if (
        side is None
        or direct_cost(maps_out, maps_in, kernel_px, cell_px, outputs_px) <= costs[side]
    ):
        return Direct(weight, bias, cell_px)
    return Spectral(weight, bias, cell_px, side)


def direct_cost(
    maps_out: int, maps_in: int, kernel_px: int, cell_px: int, outputs_px: int
) -> float:
    """Operations of a direct convolution to a square of outputs."""
    computed = MAPS_AT_ONCE * ceil(maps_out * cell_px**2 / MAPS_AT_ONCE)
    width = kernel_px + cell_px - 1
    return 2.0 * (width * outputs_px / cell_px) ** 2 * maps_in * computed


def transform_cost(
    maps_out: int, maps_in: int, kernel_px: int, side: int, outputs_px: int
) -> float:
    """Cost of the same by transforms of this side, in operations of a direct convolution."""
    transforms = 2.5 * log2(side**2) * (maps_in + maps_out)
    products = 4.0 * maps_in * maps_out
    tiles = ceil(outputs_px / (side - kernel_px + 1)) ** 2
    return TRANSFORM_COST * (transforms + products) * tiles * side**2
