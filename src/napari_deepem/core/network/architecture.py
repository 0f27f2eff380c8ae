"""The hyper-parameters of DeepEM's network: Table 1, and the rules for any other box.

See docs/architecture.md. No torch here: what a window or a model's description needs to know of a
network is known before one is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from napari_deepem.core.errors import InputError

Activation = Literal["sigmoid", "relu"]
SMALLEST_BOX_PX, LARGEST_BOX_PX = 24, 512
MOST_MAPS = 128  # of a layer: twice what tuning tries; more take memory without an end
KERNEL_SHARES = (15 / 112, 10 / 49, 7 / 20)  # of the maps that they lie on: the inflammasome's
BOX_PX_TO_A_CELL_PX = 154  # S2's cells, Table 1: 2 px at boxes of 112 and 150, 3 at 160 and 272


@dataclass(frozen=True, slots=True)
class Architecture:
    """The hyper-parameters of Table 1: what one column of maps turns into the next.

    Raises
    ------
    InputError
        For what makes no network, or one out of all proportion.
    """

    box_px: int  # side of the square input, network pixels
    kernels: tuple[int, int, int]  # sides of the kernels of C1, C3, C5
    pools: tuple[int, int, int]  # sides of the cells of S2, S4, S6
    maps: tuple[int, int, int] = (6, 12, 12)  # how many maps C1, C3 and C5 have
    activation: Activation = "sigmoid"

    def __post_init__(self) -> None:
        if not 1 <= self.box_px <= LARGEST_BOX_PX:
            raise InputError(f"a box of {self.box_px} px: give 1 to {LARGEST_BOX_PX} px")
        if min(*self.kernels, *self.pools) < 1:
            raise InputError("a kernel or cell of no pixels: give 1 px or more")
        if not all(1 <= count <= MOST_MAPS for count in self.maps):
            raise InputError(f"{self.maps} maps in the layers: give 1 to {MOST_MAPS} each")
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
        """Distance between boxes that share all their pooling cells, px: the network's own step."""
        return prod(self.pools)

    @property
    def receptive_field_px(self) -> int:
        """Side of the part of the box that one element of S6 sees."""
        return self.box_px - (self.map_sizes[-1] - 1) * self.step_px

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of a `Network`'s weights and biases, by their names in its `state_dict`."""
        shapes: dict[str, tuple[int, ...]] = {}
        layers = zip((1, *self.maps[:2]), self.maps, self.kernels, strict=True)
        for n, (maps_in, maps_out, kernel) in enumerate(layers):
            shapes[f"convolutions.{n}.weight"] = (maps_out, maps_in, kernel, kernel)
            shapes[f"convolutions.{n}.bias"] = (maps_out,)
        side = self.map_sizes[-1]
        return shapes | {"output.weight": (1, self.maps[2], side, side), "output.bias": (1,)}

    @property
    def n_weights(self) -> int:
        """The number of learned weights, biases included."""
        return sum(prod(shape) for shape in self.weight_shapes.values())

    @classmethod
    def for_box(cls, box_px: int) -> Architecture:
        """An architecture for a box of 24 to 512 px: Table 1's where it has that box.

        Other boxes follow the proportions of its inflammasome column (kernels of 15 of 112,
        10 of 49 and 7 of 20 px, cells of 2), each kernel rounded so that the cells fill the maps.
        S2's cells grow with the box as in Table 1; see docs/architecture.md. InputError for a box
        of another size.
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
    """The kernel nearest to `wanted` px, of 2 or more, whose maps cells of `pool` px fill."""
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
