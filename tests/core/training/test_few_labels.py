from __future__ import annotations

import numpy as np
import torch

from blobs import blob_image
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.general import general_model
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.dataset import Field, prepare_fields
from napari_deepem.core.training.few_labels import network_between, share_of_training
from napari_deepem.core.types import Labels, Micrograph
from networks import lively_network

CENTRES_YX = 60.0 + 44.0 * np.argwhere(np.ones((10, 20)))
BLOBS = blob_image((520, 960), CENTRES_YX, 6.0)


def fields_with(count: int, contrast: float) -> list[Field]:
    """A field of that many labelled blobs; of contrast -1 they are dark, as particles are."""
    image = contrast * BLOBS + 0.2 * np.random.default_rng(0).standard_normal(BLOBS.shape)
    micrograph = Micrograph(image.astype(np.float32), "blobs")
    return prepare_fields([micrograph], [Labels.of(CENTRES_YX[:count])], 44, Sampling(1))


def test_half_of_what_was_known_is_kept_until_labels_are_worth_more() -> None:
    start = general_model(44)
    shares = [share_of_training(fields_with(count, -1.0), start) for count in (1, 5, 20, 60, 180)]
    assert shares == [0.5, 0.5, 0.5, 0.75, 0.9]


def test_nothing_is_kept_of_a_network_that_did_not_know_such_particles() -> None:
    assert share_of_training(fields_with(5, 1.0), general_model(44)) == 1.0


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
