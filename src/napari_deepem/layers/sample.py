"""File > Open Sample: micrographs that the project simulates itself."""

from __future__ import annotations

from typing import Any

from napari_deepem.layers.label_points import points_layer_data
from napari_deepem.layers.micrographs import image_layer_data, placement

COUNT = 3
LABELLED = 2

LayerData = tuple[Any, ...]


def sample() -> list[LayerData]:
    """Three simulated micrographs of KLH, nothing labelled yet."""
    return _layers(labelled=0)


def labelled_sample() -> list[LayerData]:
    """The same micrographs with every particle of the first two labelled, ready to train on."""
    return _layers(labelled=LABELLED)


def _layers(labelled: int) -> list[LayerData]:
    from napari_deepem.core.simulation import SAMPLE_BOX_PX, simulate_sample

    micrographs = simulate_sample(count=COUNT)
    images = [
        image_layer_data(simulated.micrograph, box_size_px=SAMPLE_BOX_PX)
        for simulated in micrographs
    ]
    labels = [
        points_layer_data(
            simulated.truth_yx,
            "positive",
            simulated.micrograph.name,
            SAMPLE_BOX_PX,
            **placement(simulated.micrograph.pixel_size),
        )
        for simulated in micrographs[:labelled]
    ]
    return [*images, *labels]
