"""File > Open Sample: micrographs that the project simulates itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_deepem.core.types import Micrograph
from napari_deepem.layers.label_points import points_layer_data
from napari_deepem.layers.micrographs import image_layer_data, placement

COUNT = 3
LABELLED = 2

LayerData = tuple[Any, ...]


def sample() -> list[LayerData]:
    """Three simulated micrographs of KLH, nothing labelled yet."""
    return [layer for layers in simulating(labelled=0) for layer in layers]


def labelled_sample() -> list[LayerData]:
    """The same micrographs with every particle of the first two labelled, ready to train on."""
    return [layer for layers in simulating(labelled=LABELLED) for layer in layers]


def simulating(labelled: int) -> Iterator[list[LayerData]]:
    """The layers of each micrograph, simulated when they are asked for; the first have labels."""
    from napari_deepem.core.simulation import SAMPLE_BOX_PX
    from napari_deepem.core.simulation.sample import simulating_sample

    for number, simulated in enumerate(simulating_sample(count=COUNT)):
        micrograph = simulated.micrograph
        layers = [image_layer_data(micrograph, box_size_px=SAMPLE_BOX_PX)]
        if number < labelled:
            where = placement(micrograph.pixel_size)
            layers.append(
                points_layer_data(
                    simulated.truth_yx, "positive", micrograph.name, SAMPLE_BOX_PX, **where
                )
            )
        yield layers


def blank(**more: Any) -> LayerData:
    """The layer of the first micrograph before it is simulated, with more in its tag."""
    from napari_deepem.core.simulation import SAMPLE_BOX_PX
    from napari_deepem.core.simulation.sample import SAMPLE_PIXEL_SIZE, SAMPLE_SHAPE, name_of

    pixels = np.zeros(SAMPLE_SHAPE, dtype=np.float32)
    micrograph = Micrograph(pixels, name_of(0), SAMPLE_PIXEL_SIZE)
    return image_layer_data(micrograph, box_size_px=SAMPLE_BOX_PX, **more)
