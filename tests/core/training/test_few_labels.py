from __future__ import annotations

import torch

from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.training.few_labels import network_between, share_of_training
from networks import lively_network


def test_half_of_what_was_known_is_kept_until_labels_are_worth_more() -> None:
    assert [share_of_training(count) for count in (1, 5, 20)] == [0.5, 0.5, 0.5]
    assert [share_of_training(count) for count in (60, 180)] == [0.75, 0.9]


def test_network_between_lies_between_and_is_another_than_both() -> None:
    before, after = (lively_network(Architecture.for_box(24), seed) for seed in (1, 2))
    wholly_before, halfway, wholly_after = (
        network_between(before, after, share).state_dict() for share in (0.0, 0.5, 1.0)
    )
    again = [lively_network(Architecture.for_box(24), seed).state_dict() for seed in (1, 2)]
    for name, weights in before.state_dict().items():
        others = after.state_dict()[name]
        assert torch.equal(wholly_before[name], weights)
        assert torch.equal(wholly_after[name], others)
        torch.testing.assert_close(halfway[name], (weights + others) / 2)
        assert torch.equal(weights, again[0][name])
        assert torch.equal(others, again[1][name])
