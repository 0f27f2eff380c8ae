"""File > Open Sample: simulated in another thread, and shown one micrograph after the other."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

import napari
from napari.layers import Layer
from napari.utils.notifications import show_info

from napari_deepem.controllers.turns import Turns
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.controllers.workers import report, run
from napari_deepem.layers.label_points import retag
from napari_deepem.layers.layer_selection import keeping_selection
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

    def take(layers: list[LayerData]) -> None:
        first, *labels = layers
        names: list[str] = []
        turns.add(lambda: names.append(_show_micrograph(viewer, first, blank_layer[1]["name"])))
        for data in labels:
            turns.add(partial(_show_labels, viewer, data, names))
        turns.add(lambda: setattr(activity, "done", activity.done + 1))

    def end(message: str) -> None:
        turns.add(partial(activity.end, message))

    activity.begin(SIMULATING, COUNT)
    show_info(SIMULATING)  # no dock may be open that tells it
    handle = run(
        job,
        on_progress=take,
        on_result=lambda _: end(""),
        on_failed=lambda error: end(report(error)),
        owner=session,
    )
    turns = Turns(lambda: not handle.cancelled)
    return [blank_layer]  # napari takes a sample without any layer for a mistake


def _show_micrograph(viewer: Any, data: LayerData, first_name: str) -> str:
    """The name of a micrograph that is shown now if it is the first, or else can be chosen now."""
    pixels, arguments, kind = data
    image: Any = _blank_in(viewer) if arguments["name"] == first_name else None
    if image is None:
        image = Layer.create(pixels, {**arguments, "visible": False}, kind)
        with keeping_selection(viewer):  # the user may be at work on the first by now
            viewer.add_layer(image)
    else:
        image.data = pixels
        image.contrast_limits_range = image.contrast_limits = contrast_limits(pixels)
        tag_of(image).pop(BLANK)
    return micrograph_name_of(image) or ""


def _show_labels(viewer: Any, data: LayerData, names: list[str]) -> None:
    """Show the labels of the micrograph that was shown before: its name is in a list."""
    pixels, arguments, kind = data
    points: Any = Layer.create(pixels, {**arguments, "visible": False}, kind)
    retag(points, "positive", names[0])  # of a sample opened twice
    with keeping_selection(viewer):
        viewer.add_layer(points)


def _blank_in(viewer: Any) -> Layer | None:
    """The layer in which the sample's first micrograph is still to come; None if it was deleted."""
    return next((layer for layer in viewer.layers if BLANK in tag_of(layer)), None)
