from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import (
    KERNEL_SHARES,
    TABLE_1,
    Activation,
    Architecture,
    first_cell,
)
from napari_deepem.core.network.network import Network
from networks import layers_of, lively_network, random_network

# PAPER.md, Table 1: box, then sides of C1, S2, C3, S4, C5, S6, then kernels and cells
TABLE_1_OF_THE_PAPER = {
    "klh": (272, (222, 74, 54, 27, 18, 9), (51, 21, 10), (3, 2, 2)),
    "19s": (160, (141, 47, 38, 19, 16, 8), (20, 10, 4), (3, 2, 2)),
    "26s": (150, (120, 60, 46, 23, 14, 7), (31, 15, 10), (2, 2, 2)),
    "inflammasome": (112, (98, 49, 40, 20, 14, 7), (15, 10, 7), (2, 2, 2)),
}
MAPS = (6, 6, 12, 12, 12, 12)
SMALL = Architecture(24, kernels=(3, 2, 2), pools=(2, 2, 2), maps=(2, 3, 2))


def random_image(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(1).normal(size=shape).astype(np.float32))


def test_table_1_has_the_papers_four_columns() -> None:
    assert set(TABLE_1) == set(TABLE_1_OF_THE_PAPER)


@pytest.mark.parametrize("name", TABLE_1_OF_THE_PAPER)
def test_preset_has_the_numbers_of_table_1(name: str) -> None:
    box, sizes, kernels, pools = TABLE_1_OF_THE_PAPER[name]
    preset = TABLE_1[name]
    assert (preset.box_px, preset.map_sizes) == (box, sizes)
    assert (preset.kernels, preset.pools, preset.maps) == (kernels, pools, (6, 12, 12))
    assert preset.activation == "sigmoid"
    assert preset.step_px == pools[0] * pools[1] * pools[2]


@pytest.mark.parametrize("name", TABLE_1_OF_THE_PAPER)
def test_network_computes_the_maps_of_table_1(name: str) -> None:
    box, sizes, _, _ = TABLE_1_OF_THE_PAPER[name]
    network = random_network(TABLE_1[name])
    shapes: list[tuple[int, ...]] = []

    def note(_layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        shapes.append(tuple(output.shape))

    for convolve, pool in zip(network.convolutions, network.pools, strict=True):
        convolve.register_forward_hook(note)
        pool.register_forward_hook(note)
    with torch.inference_mode():
        logits = network(random_image(1, 1, box, box))
    assert shapes == [(1, maps, side, side) for maps, side in zip(MAPS, sizes, strict=True)]
    assert network.output.weight.shape == (1, 12, sizes[-1], sizes[-1])
    assert logits.shape == (1, 1, 1)


@pytest.mark.parametrize("name", TABLE_1_OF_THE_PAPER)
def test_box_of_table_1_gets_its_preset(name: str) -> None:
    assert Architecture.for_box(TABLE_1_OF_THE_PAPER[name][0]) is TABLE_1[name]


def test_every_box_from_24_to_512_px_has_an_architecture() -> None:
    for box in range(24, 513):
        architecture = Architecture.for_box(box)
        assert architecture.box_px == box
        size = box
        for kernel, pool in zip(architecture.kernels, architecture.pools, strict=True):
            assert 2 <= kernel < size
            assert (size - kernel + 1) % pool == 0
            size = (size - kernel + 1) // pool
        assert size >= 1
        assert architecture.map_sizes[-1] == size


def test_kernels_of_other_boxes_keep_the_proportions_of_the_inflammasome() -> None:
    for box in range(48, 513):
        architecture = Architecture.for_box(box)
        if architecture in TABLE_1.values():
            continue
        inputs = (box, architecture.map_sizes[1], architecture.map_sizes[3])
        layers = zip(architecture.kernels, architecture.pools, inputs, KERNEL_SHARES, strict=True)
        for kernel, pool, side, share in layers:
            assert abs(kernel - share * side) <= pool / 2


def test_inflammasome_and_the_cells_of_all_of_table_1_follow_from_the_rules() -> None:
    for preset in TABLE_1.values():
        assert preset.pools == (first_cell(preset.box_px), 2, 2)
    inflammasome = TABLE_1["inflammasome"]
    assert Architecture.proportioned(112, KERNEL_SHARES, (2, 2, 2)) == inflammasome


def test_architectures_of_all_boxes_are_alike() -> None:
    for box in range(24, 513):
        architecture = Architecture.for_box(box)
        assert 2 <= architecture.map_sizes[-1] <= 15
        assert 0.4 * box < architecture.receptive_field_px < 0.8 * box
        assert architecture.step_px <= max(8, box / 12)
        assert architecture.n_weights < 100_000


@pytest.mark.parametrize("box", [24, 40, 113, 160, 200])
def test_numbers_that_describe_an_architecture_are_those_of_its_network(box: int) -> None:
    architecture = replace(Architecture.for_box(box), maps=(2, 4, 3), activation="relu")
    network = random_network(architecture)
    assert architecture.n_weights == sum(values.numel() for values in network.parameters())
    seen = random_image(1, 1, box, box).requires_grad_()
    maps: Tensor = seen
    for convolve, pool in zip(network.convolutions, network.pools, strict=True):
        maps = pool(convolve(maps))  # without activation, so that nothing is hidden by chance
    maps[0, 0, 0, 0].backward()
    assert seen.grad is not None
    rows = seen.grad[0, 0].abs().sum(dim=1).nonzero()
    assert rows.max() + 1 == architecture.receptive_field_px


def test_cells_larger_than_their_maps_are_refused() -> None:
    with pytest.raises(InputError, match="cells of 9 px do not fit maps of 5 px"):
        Architecture.proportioned(24, KERNEL_SHARES, (2, 2, 9))


@pytest.mark.parametrize("box", [24, 25, 41, 100, 113])
def test_network_for_any_box_gives_one_number_a_box(box: int) -> None:
    with torch.inference_mode():
        logits = random_network(Architecture.for_box(box))(random_image(3, 1, box, box))
    assert logits.shape == (3, 1, 1)


@pytest.mark.parametrize("box", [-40, 0, 23, 513, 10**9])
def test_other_boxes_are_refused(box: int) -> None:
    with pytest.raises(InputError, match=f"box of {box} px.*24 to 512 px"):
        Architecture.for_box(box)


@pytest.mark.parametrize(
    ("box", "kernels", "pools"),
    [(24, (4, 2, 2), (2, 2, 2)), (24, (30, 2, 2), (2, 2, 2)), (24, (3, 2, 6), (2, 2, 2))],
    ids=["cells do not fill", "kernel too large", "nothing left"],
)
def test_kernels_and_cells_that_do_not_fit_are_refused(
    box: int, kernels: tuple[int, int, int], pools: tuple[int, int, int]
) -> None:
    with pytest.raises(InputError, match="change the kernel or the cells"):
        Architecture(box, kernels, pools)


def test_activation_is_the_sigmoid_of_eq_1_or_relu() -> None:
    x = torch.tensor([-2.0, 0.0, 3.0])
    sigmoid = Network(SMALL).activation
    np.testing.assert_allclose(sigmoid(x), 1 / (1 + np.exp(-x.numpy())), atol=1e-7)
    relu = replace(SMALL, activation="relu")
    np.testing.assert_array_equal(Network(relu).activation(x), [0, 0, 3])
    assert relu.map_sizes == SMALL.map_sizes


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_folded_batch_norm_computes_the_same(activation: Activation) -> None:
    architecture = replace(Architecture.for_box(40), activation=activation)
    network = random_network(architecture, batch_norm=True)
    network.train()
    for _ in range(3):  # statistics of what passed in training
        network(2.0 * random_image(16, 1, 40, 40) + 0.5)
    network.eval()
    with torch.no_grad():
        for name, values in network.norms.named_parameters():
            values.copy_(torch.linspace(-2.0, 2.5, len(values)) + (name == "0.bias"))
        image = random_image(4, 1, 40, 40)
        for values in network.output.parameters():
            values.mul_(3.0 / network(image).abs().max())
    folded = network.without_batch_norm()
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert not folded.training
    with torch.inference_mode():
        expected, found = network(image), folded(image)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_folding_a_network_without_norms_copies_it() -> None:
    network = random_network(SMALL)
    folded = network.without_batch_norm()
    image = random_image(2, 1, 24, 24)
    with torch.inference_mode():
        assert torch.equal(folded(image), network(image))
    assert folded.output.weight.data_ptr() != network.output.weight.data_ptr()


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("name", ["19s", "inflammasome"])
def test_rotated_network_sees_the_image_turned(name: str, turns: int) -> None:
    network = lively_network(TABLE_1[name])
    image = random_image(2, 1, network.architecture.box_px, network.architecture.box_px)
    with torch.inference_mode():
        found = torch.sigmoid(network.rotated(turns)(image))
        expected = torch.sigmoid(network(torch.rot90(image, turns, dims=(2, 3))))
        unturned = torch.sigmoid(network(image))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert turns == 0 or not torch.allclose(found, unturned, atol=1e-2)


@pytest.mark.parametrize("turns", range(4))
def test_rotated_network_turns_whole_maps_of_scores(turns: int) -> None:
    network = lively_network(SMALL).double()
    image = random_image(1, 1, 24 + 3 * 8, 24 + 5 * 8).double()
    with torch.inference_mode():
        turned = network(torch.rot90(image, turns, dims=(2, 3)))
        expected = torch.rot90(turned, -turns, dims=(1, 2))
        found = network.rotated(turns)(image)
    assert found.shape == (1, 4, 6)
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


def test_rotating_leaves_the_network_as_it_was() -> None:
    network = random_network(SMALL)
    before = [layer.weight.clone() for layer in layers_of(network)]
    network.rotated(1)
    for layer, weight in zip(layers_of(network), before, strict=True):
        assert torch.equal(layer.weight, weight)
