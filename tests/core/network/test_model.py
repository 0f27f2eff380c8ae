from __future__ import annotations

import pytest

from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model, pixel_size_remark
from napari_deepem.core.preprocessing.sampling import Sampling
from networks import lively_network


@pytest.mark.parametrize(
    ("here", "trained", "differs"),
    [
        (1.0, 1.0, False),
        (1.01, 1.0, False),
        (1.1, 1.0, True),
        (2.0, 4.0, True),
        (None, 1.0, False),
        (1.0, None, False),
    ],
)
def test_another_pixel_size_than_in_training_is_remarked_on(
    here: float | None, trained: float | None, differs: bool
) -> None:
    network = lively_network(Architecture.for_box(24))
    model = Model(network, "modern", 24, Sampling(1), trained, 0.5, (0.5, 2.0))
    remark = pixel_size_remark("m7", here, model)
    assert (remark is not None) == differs
    if remark is not None:
        assert "m7" in remark
        assert "A/px" in remark
