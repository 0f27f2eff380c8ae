from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from napari_deepem.core.network.convolution import Convolution, Direct, Spectral, quickest


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def assembled(convolution: Convolution, maps: Tensor) -> Tensor:
    """All maps of a tile, wherever they come in parts and sorted by cells; none of them twice."""
    parts = list(convolution(maps))
    indices = [k for some, _ in parts for k in range(convolution.maps_out)[some]]
    assert indices == list(range(convolution.maps_out))
    cells = torch.cat([part for _, part in parts], dim=2)  # (cell, cell, o, rows, cols)
    return cells.permute(2, 3, 0, 4, 1).flatten(3, 4).flatten(1, 2)


@given(
    maps_in=st.integers(1, 4),
    maps_out=st.integers(1, 5),
    kernel=st.integers(1, 32),
    cell=st.integers(1, 3),
    more=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_both_ways_are_convolutions(
    maps_in: int, maps_out: int, kernel: int, cell: int, more: tuple[int, int]
) -> None:
    weight = random(maps_out, maps_in, kernel, kernel) / kernel
    bias = random(maps_out, seed=1)
    ways = [Direct(weight, bias, cell), Spectral(weight, bias, cell, side=64)]
    most = min(each.tile_px for each in ways) // cell  # cells
    sides = [min(1 + each // cell, most) * cell + kernel - 1 for each in more]
    maps = random(maps_in, *sides, seed=2)
    expected = functional.conv2d(maps.double(), weight.double(), bias.double())
    for convolution in ways:
        found = assembled(convolution, maps)
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-5)


def test_many_maps_are_transformed_back_a_few_at_a_time() -> None:
    convolution = Spectral(random(48, 1, 15, 15), random(48), 2, side=192)
    parts = list(convolution(random(1, 192, 192)))
    assert len(parts) > 1


@pytest.mark.parametrize(
    ("shape", "way"),
    [
        ((24, 1, 51, 51), Spectral),  # KLH's C1
        ((12, 6, 21, 21), Spectral),  # and C3
        ((48, 12, 3, 3), Direct),
        ((12, 12, 4, 4), Direct),  # 19S's C5
    ],
)
def test_wide_kernels_go_through_the_transform(
    shape: tuple[int, ...], way: type[Convolution]
) -> None:
    assert type(quickest(random(*shape), random(shape[0]), 2, outputs_px=500)) is way


def test_kernel_wider_than_any_transform_is_applied_directly() -> None:
    assert type(quickest(random(1, 1, 200, 200), random(1), 2, outputs_px=500)) is Direct
