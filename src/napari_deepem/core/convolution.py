"""Two ways to convolve the maps of a layer, and which of them is quicker.

Both give every whole overlap of kernel and maps, (o, h - k + 1, w - k + 1) of (i, h, w), to within
rounding. Directly, an output pixel of all maps takes `2 k^2 i o` operations, o rounded up to
what processors do at once. Through the Fourier transform a square of n x n pixels takes i
transforms there and o back, each of `2.5 n^2 log2(n^2)` operations where numbers are real, and
`4 i o n^2` for the products; `n - k + 1` of its pixels along each axis are of use. These
operations wait for memory, while a direct convolution multiplies and adds in registers: they take
some twenty times as long. The widest kernels, C1's on large boxes, gain sixfold by the transform;
narrow ones lose as much.

The choice is worked out from these counts, not measured: scores do not depend on how busy a
machine was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import ceil, log2

import torch
from torch import Tensor
from torch.nn import functional

# quick to transform, being products of 2, 3 and 5; larger ones leave the cache
TRANSFORM_SIDES = (64, 72, 80, 96, 108, 120, 128, 144, 160, 180, 192, 240)
TRANSFORM_COST = 22.0  # of an operation, in those of a direct convolution: benchmarks/scoring.py
MAPS_AT_ONCE = 16  # that a direct convolution computes as quickly as one
CACHED_PIXELS = 2**17  # of transformed maps that are worked on at once: half a megabyte
DIRECT_SIDE = 128  # of the outputs of one call, which with their maps fit the cache

Some = tuple[slice, Tensor]  # which of the maps, and these


class Convolution(ABC):
    """A layer's weights, and how they are applied to a tile that fits the cache."""

    tile_px: int  # side of the outputs that are computed at once

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.maps_out, self.maps_in, self.kernel_px, _ = weight.shape
        self._bias = bias

    @abstractmethod
    def __call__(self, maps: Tensor) -> Iterator[Some]:
        """Some of the o maps (some, h - k + 1, w - k + 1) at a time; (i, h, w) maps fit a tile."""


class Direct(Convolution):
    """Multiplies and adds; channels last are a quarter quicker than first."""

    def __init__(self, weight: Tensor, bias: Tensor, tile_px: int = DIRECT_SIDE) -> None:
        super().__init__(weight, bias)
        self.tile_px = tile_px
        self._weight = weight.contiguous(memory_format=torch.channels_last)

    def __call__(self, maps: Tensor) -> Iterator[Some]:
        """All maps at once."""
        tile = maps[None].contiguous(memory_format=torch.channels_last)
        yield slice(None), functional.conv2d(tile, self._weight, self._bias)[0]


class Spectral(Convolution):
    """Multiplies transforms, map by map: quicker than as matrices, which would lie scattered."""

    def __init__(self, weight: Tensor, bias: Tensor, side: int) -> None:
        super().__init__(weight, bias)
        self.tile_px = side - self.kernel_px + 1
        self._side = (side, side)
        self._at_once = max(1, CACHED_PIXELS // side**2)
        # conjugated, since a layer does not turn its kernels around as a convolution does
        spectra = torch.fft.rfft2(weight, s=self._side).conj().resolve_conj()
        self._spectra = spectra.transpose(0, 1).contiguous()  # (i, o, n, n // 2 + 1)
        self._constant = bias * side**2  # a constant's transform is its sum, at frequency 0

    def __call__(self, maps: Tensor) -> Iterator[Some]:
        """As many maps at once as stay in the cache while they are transformed back."""
        rows, cols = (side - self.kernel_px + 1 for side in maps.shape[-2:])
        seen = torch.fft.rfft2(maps, s=self._side)
        for first in range(0, self.maps_out, self._at_once):
            these = slice(first, first + self._at_once)
            product = self._spectra[0, these] * seen[0]
            for spectra, each in zip(self._spectra[1:, these], seen[1:], strict=True):
                product.addcmul_(spectra, each)
            product[:, 0, 0] += self._constant[these]
            yield these, torch.fft.irfft2(product, s=self._side)[:, :rows, :cols]


def quickest(weight: Tensor, bias: Tensor, outputs_px: int) -> Convolution:
    """The quicker way to convolve with (o, i, k, k) weights and (o,) biases.

    `outputs_px` is the side of the outputs to compute: tiles of transforms had better fill it.
    A GPU convolves directly, all of it in one call: it has no cache to stay in.
    """
    if weight.device.type != "cpu":
        return Direct(weight, bias, tile_px=outputs_px)
    maps_out, maps_in, kernel_px, _ = weight.shape
    costs = {
        side: transform_cost(maps_out, maps_in, kernel_px, side, outputs_px)
        for side in TRANSFORM_SIDES
        if side >= 2 * kernel_px
    }
    side = min(costs, key=costs.__getitem__, default=None)
    if side is None or direct_cost(maps_out, maps_in, kernel_px, outputs_px) <= costs[side]:
        return Direct(weight, bias)
    return Spectral(weight, bias, side)


def direct_cost(maps_out: int, maps_in: int, kernel_px: int, outputs_px: int) -> float:
    """Operations of a direct convolution to a square of outputs."""
    computed = MAPS_AT_ONCE * ceil(maps_out / MAPS_AT_ONCE)
    return 2.0 * (kernel_px * outputs_px) ** 2 * maps_in * computed


def transform_cost(
    maps_out: int, maps_in: int, kernel_px: int, side: int, outputs_px: int
) -> float:
    """The same by transforms of this side, in operations of a direct convolution."""
    transforms = 2.5 * log2(side**2) * (maps_in + maps_out)
    products = 4.0 * maps_in * maps_out
    tiles = ceil(outputs_px / (side - kernel_px + 1)) ** 2
    return TRANSFORM_COST * (transforms + products) * tiles * side**2
