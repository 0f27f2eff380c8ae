"""File > Open Sample: simulated in another thread, and shown one micrograph after the other."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import napari
from napari.layers import Layer
from napari.utils.notifications import show_info

from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.controllers.workers import report, run
from napari_deepem.layers.label_points import retag
from napari_deepem.layers.micrographs import contrast_limits
from napari_deepem.layers.sample import COUNT, LABELLED, LayerData, blank, simulating
from napari_deepem.layers.tags import micrograph_name_of, tag_of

BLANK = "is_blank"  # in a layer's tag

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
    activity, blank_layer = session.opening, blank(**{BLANK: True})

    def job() -> Generator[list[LayerData], None, None]:
        yield from simulating(labelled)

    def show(layers: list[LayerData]) -> None:
        current = session.current
        first, *labels = layers
        is_first = first[1]["name"] == blank_layer[1]["name"]
        image: Any = _blank_in(viewer) if is_first else None
        if image is None:
            image = viewer.add_layer(Layer.create(*first))
        else:
            image.data = pixels = first[0]
            image.contrast_limits_range = image.contrast_limits = contrast_limits(pixels)
            tag_of(image).pop(BLANK)
        for data in labels:
            points: Any = Layer.create(*data)
            retag(points, "positive", micrograph_name_of(image) or "")  # of a sample opened twice
            viewer.add_layer(points)
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
    return [blank_layer]  # napari takes a sample without any layer for a mistake


def _blank_in(viewer: Any) -> Layer | None:
    """The layer in which the sample's first micrograph is still to come; None if it was deleted."""
    return next((layer for layer in viewer.layers if BLANK in tag_of(layer)), None)
