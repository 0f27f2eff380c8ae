"""File > Open Sample: micrographs that the project simulates itself."""

from __future__ import annotations

from typing import Any

from napari_deepem.layers.label_points import points_layer_data
from napari_deepem.layers.micrographs import image_layer_data, placement

COUNT = 3
LABELLED = 2

LayerData = tuple[Any, ...]


def sample() -> list[LayerData]:
    """Three simulated micrographs of KLH, nothing marked yet."""
    return _layers(labelled=0)


def labelled_sample() -> list[LayerData]:
    """Return the same with every particle marked on the first two, ready to train on."""
    return _layers(labelled=LABELLED)


def _layers(labelled: int) -> list[LayerData]:
    from napari_deepem.core.simulation import SAMPLE_BOX_PX, simulate_sample

    simulated = simulate_sample(count=COUNT)
    images = [image_layer_data(each.micrograph, box_size_px=SAMPLE_BOX_PX) for each in simulated]
    labels = [
        points_layer_data(
            each.truth_yx,
            "positive",
            each.micrograph.name,
            SAMPLE_BOX_PX,
            **placement(each.micrograph.pixel_size),
        )
        for each in simulated[:labelled]
    ]
    return [*images, *labels]
