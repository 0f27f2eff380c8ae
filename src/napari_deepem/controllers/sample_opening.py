"""File > Open Sample: simulated in another thread, and shown one micrograph after the other."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import napari
from napari.layers import Layer
from napari.utils.notifications import show_info

from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.controllers.workers import report, run
from napari_deepem.layers.micrographs import contrast_limits
from napari_deepem.layers.sample import COUNT, LABELLED, LayerData, blank, simulating
from napari_deepem.layers.tags import find_layer

SIMULATING = "Simulating micrographs ..."


def open_sample() -> list[LayerData]:
    """The sample's first micrograph, blank; it is simulated, and the others, in a moment."""
    return _open(labelled=0)


def open_labelled_sample() -> list[LayerData]:
    """The same, with every particle of two of its micrographs labelled."""
    return _open(labelled=LABELLED)


def _open(labelled: int) -> list[LayerData]:
    viewer: Any = napari.current_viewer()
    if viewer is None:
        return [layer for layers in simulating(labelled) for layer in layers]
    session = link_of(viewer).session
    activity = session.opening

    def job() -> Generator[list[LayerData], None, None]:
        yield from simulating(labelled)

    def show(layers: list[LayerData]) -> None:
        current = session.current
        (pixels, arguments, _), *labels = layers
        first: Any = find_layer(viewer.layers, "micrograph", arguments["name"])
        if first is None:
            viewer.add_layer(Layer.create(*layers[0]))
        else:
            first.data = pixels
            first.contrast_limits_range = first.contrast_limits = contrast_limits(pixels)
        for data in labels:
            viewer.add_layer(Layer.create(*data))
        session.current = current  # the user may be at work on the first by now
        activity.done += 1

    activity.begin(SIMULATING, COUNT)
    show_info(SIMULATING)  # no dock may be open that tells it
    run(
        job,
        on_progress=show,
        on_result=lambda _: activity.end(""),
        on_failed=lambda error: activity.end(report(error)),
        owner=session,
    )
    return [blank()]  # napari takes a sample without any layer for a mistake
