"""The network of DeepEM (Zhu, Ouyang, Mao 2017): eqs 1-3, Fig. 1 and Table 1.

Eight layers: input, C1, S2, C3, S4, C5, S6, output. C is a valid convolution with a bias and an
activation, S the mean over non-overlapping cells, and the output one unit that sees all of S6.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import prod, sqrt
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_deepem.core.errors import InputError

Activation = Literal["sigmoid", "relu"]
SMALLEST_BOX_PX, LARGEST_BOX_PX = 24, 512
KERNEL_SHARES = (15 / 112, 10 / 49, 7 / 20)  # of the maps that they lie on: the inflammasome's
BOX_PX_TO_A_CELL_PX = 154  # S2's cells, Table 1: 2 px at boxes of 112 and 150, 3 at 160 and 272


@dataclass(frozen=True, slots=True)
class Architecture:
    """The hyper-parameters of Table 1: what one column of maps turns into the next."""

    box_px: int  # side of the square input, in (binned) pixels
    kernels: tuple[int, int, int]  # sides of the kernels of C1, C3, C5
    pools: tuple[int, int, int]  # sides of the cells of S2, S4, S6
    maps: tuple[int, int, int] = (6, 12, 12)  # how many maps C1, C3 and C5 have
    activation: Activation = "sigmoid"

    def __post_init__(self) -> None:
        size = self.box_px
        for kernel, pool in zip(self.kernels, self.pools, strict=True):
            convolved = size - kernel + 1
            if convolved < pool or convolved % pool:
                raise InputError(
                    f"a kernel of {kernel} px on maps of {size} px leaves {convolved} px, "
                    f"which cells of {pool} px do not fill: change the kernel or the cells"
                )
            size = convolved // pool

    @property
    def map_sizes(self) -> tuple[int, ...]:
        """Sides of the maps of C1, S2, C3, S4, C5 and S6, in Table 1's order."""
        sizes, size = [], self.box_px
        for kernel, pool in zip(self.kernels, self.pools, strict=True):
            sizes += [size - kernel + 1, (size - kernel + 1) // pool]
            size = sizes[-1]
        return tuple(sizes)

    @property
    def step_px(self) -> int:
        """Distance between boxes that share all their pooling cells: the network's own step."""
        return prod(self.pools)

    @property
    def receptive_field_px(self) -> int:
        """Side of the part of the box that one element of S6 sees."""
        return self.box_px - (self.map_sizes[-1] - 1) * self.step_px

    @property
    def n_weights(self) -> int:
        """How many numbers are learned, biases included."""
        ends = list(zip((1, *self.maps[:2]), self.maps, self.kernels, strict=True))
        convolutions = sum(out * (before * kernel**2 + 1) for before, out, kernel in ends)
        return convolutions + self.maps[2] * self.map_sizes[-1] ** 2 + 1

    @classmethod
    def for_box(cls, box_px: int) -> Architecture:
        """An architecture for a box of 24 to 512 px: Table 1's where it has that box.

        Other boxes follow the proportions of its inflammasome column (kernels of 15 of 112,
        10 of 49 and 7 of 20 px, cells of 2), each kernel rounded so that the cells fill the maps.
        S2's cells grow with the box as in Table 1; see docs/architecture.md.
        """
        if not SMALLEST_BOX_PX <= box_px <= LARGEST_BOX_PX:
            raise InputError(
                f"a box of {box_px} px after binning: the network takes "
                f"{SMALLEST_BOX_PX} to {LARGEST_BOX_PX} px, so change the box or the binning"
            )
        for preset in TABLE_1.values():
            if preset.box_px == box_px:
                return preset
        return cls.proportioned(box_px, KERNEL_SHARES, (first_cell(box_px), 2, 2))

    @classmethod
    def proportioned(
        cls, box_px: int, shares: tuple[float, float, float], pools: tuple[int, int, int]
    ) -> Architecture:
        """An architecture of kernels that are about these shares of the maps that they lie on.

        Each is the nearest one of 2 px or more whose maps the cells fill; InputError if none is.
        """
        kernels, size = [], box_px
        for share, pool in zip(shares, pools, strict=True):
            kernels.append(_filling_kernel(size, share * size, pool))
            size = (size - kernels[-1] + 1) // pool
        return cls(box_px, (kernels[0], kernels[1], kernels[2]), pools)


def first_cell(box_px: int) -> int:
    """Side of S2's cells for a box: 2 px up to 154 px, one more for every 154 px on top."""
    return 2 + (box_px - 1) // BOX_PX_TO_A_CELL_PX


def _filling_kernel(size: int, wanted: float, pool: int) -> int:
    """The kernel nearest to `wanted`, at least 2 px, whose maps cells of `pool` px fill."""
    fitting = [k for k in range(2, size) if (size - k + 1) % pool == 0]
    if not fitting:
        raise InputError(f"cells of {pool} px do not fit maps of {size} px: use smaller cells")
    return min(fitting, key=lambda kernel: abs(kernel - wanted))


TABLE_1 = {
    "klh": Architecture(272, kernels=(51, 21, 10), pools=(3, 2, 2)),
    "19s": Architecture(160, kernels=(20, 10, 4), pools=(3, 2, 2)),
    "26s": Architecture(150, kernels=(31, 15, 10), pools=(2, 2, 2)),
    "inflammasome": Architecture(112, kernels=(15, 10, 7), pools=(2, 2, 2)),
}


class Network(nn.Module):
    """The eight layers, written once for single boxes and whole micrographs alike.

    The output unit is a convolution as large as S6. An image of exactly one box therefore gives
    one number, and a larger one gives the number of every box that lies a whole number of
    `step_px` from its corner: pooling cells of such boxes coincide.
    """

    def __init__(self, architecture: Architecture, batch_norm: bool = False) -> None:
        super().__init__()
        self.architecture = architecture
        maps, kernels = (1, *architecture.maps), architecture.kernels
        # the layers' first weights are drawn from torch's global state, which stays as it was
        with torch.random.fork_rng(devices=[]):
            self.convolutions = nn.ModuleList(
                nn.Conv2d(maps[i], maps[i + 1], kernels[i]) for i in range(3)
            )
            self.output = nn.Conv2d(maps[3], 1, architecture.map_sizes[-1])
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(maps[i + 1]) if batch_norm else nn.Identity() for i in range(3)
        )
        self.pools = nn.ModuleList(nn.AvgPool2d(cell) for cell in architecture.pools)
        self.activation = nn.Sigmoid() if architecture.activation == "sigmoid" else nn.ReLU()

    def forward(self, image: Tensor) -> Tensor:
        """Logits (b, rows, cols) of the boxes of (b, 1, h, w) images; their sigmoid is the score.

        KLH, one box:  (b, 1, 272, 272)
        C1, S2:        (b, 6, 222, 222), (b, 6, 74, 74)
        C3, S4:        (b, 12, 54, 54), (b, 12, 27, 27)
        C5, S6:        (b, 12, 18, 18), (b, 12, 9, 9)
        output:        (b, 1, 1)
        """
        maps = image
        for convolve, normalise, pool in zip(
            self.convolutions, self.norms, self.pools, strict=True
        ):
            maps = pool(self.activation(normalise(convolve(maps))))
        logits: Tensor = self.output(maps)
        return logits.squeeze(1)

    @torch.no_grad()
    def initialise_as_paper(self, rng: np.random.Generator) -> None:
        """Draw all weights as the toolbox behind the paper does, biases zero.

        DeepLearnToolbox, cnnsetup.m: (rand - 0.5) * 2 * sqrt(6 / (fan_in + fan_out)). The paper's
        "random number between 0 and 1", taken literally, saturates every sigmoid.
        """
        for convolve in [*self.convolutions, self.output]:
            maps_out, maps_in, side, _ = convolve.weight.shape
            is_output = convolve is self.output
            # cnnsetup.m: the output unit's fan_out is the one output, not a kernel of them
            fan_out = maps_out if is_output else maps_out * side**2
            reach = sqrt(6 / (maps_in * side**2 + fan_out))
            drawn = (rng.random(convolve.weight.shape) - 0.5) * 2 * reach
            convolve.weight.copy_(torch.from_numpy(drawn))
            convolve.bias.zero_()

    @torch.no_grad()
    def without_batch_norm(self) -> Network:
        """A copy that computes the same as this network in evaluation, its norms folded away."""
        folded = copy.deepcopy(self).eval()
        for i, (convolve, norm) in enumerate(zip(folded.convolutions, folded.norms, strict=True)):
            if isinstance(convolve, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                folded.convolutions[i] = fuse_conv_bn_eval(convolve, norm)
                folded.norms[i] = nn.Identity()
        return folded

    @torch.no_grad()
    def rotated(self, quarter_turns: int) -> Network:
        """A copy that sees an image as this network sees it turned by `np.rot90(image, k)`.

        Cells fill the maps, so turning every kernel back equals turning the image.
        """
        turned = copy.deepcopy(self)
        for convolve in [*turned.convolutions, turned.output]:
            convolve.weight.copy_(torch.rot90(convolve.weight, -quarter_turns, dims=(2, 3)))
        return turned
