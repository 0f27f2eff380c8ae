"""Points layers of labels: particles, and what is not one, as boxes of true size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import LABEL_KINDS, FloatArray, LabelKind, Labels, is_inside
from napari_deepem.layers.layer_order import add_in_order
from napari_deepem.layers.micrographs import place, placement_of
from napari_deepem.layers.tags import KEY, find_layer, find_layers, role_of, tag

WORDS: dict[LabelKind, str] = {"positive": "particles", "negative": "non-particles"}
COLORS = {
    "positive": "#34d399",
    "negative": "#e03616",
    "picks": "#818cf8",
    "hand": "#facc15",
}
BORDER_BOXES = 0.04  # width of a square's line, in boxes


def square_style(role: str, box_size_px: int) -> dict[str, Any]:
    """Arguments of a Points layer that draws each point as an open square of the box's size."""
    return {
        "symbol": "square",
        "size": box_size_px,
        "face_color": "transparent",
        "border_color": COLORS[role],
        "border_width": BORDER_BOXES,
        "border_width_is_relative": True,
    }


def points_layer_data(
    centres_yx: FloatArray, kind: LabelKind, micrograph: str, box_size_px: int, **where: Any
) -> tuple[Any, dict[str, Any], str]:
    """(data, arguments, "points") of one kind of label of one micrograph."""
    return (
        centres_yx,
        {
            "name": f"{micrograph} {WORDS[kind]}",
            "ndim": 2,
            "metadata": tag(kind, micrograph),
            **square_style(kind, box_size_px),
            **where,
        },
        "points",
    )


def label_layer(
    viewer: ViewerModel,
    image: Image,
    kind: LabelKind,
    box_size_px: int,
    centres_yx: FloatArray | None = None,
) -> Points:
    """The layer of one kind of label of a micrograph.

    One that is not there yet is made of (n, 2) positions, by default empty; one that is stays as
    it is.
    """
    name = image.metadata[KEY]["micrograph"]
    layer = find_layer(viewer.layers, kind, name)
    if layer is not None:
        return layer
    centres_yx = np.empty((0, 2)) if centres_yx is None else centres_yx
    data, arguments, _ = points_layer_data(
        centres_yx, kind, name, box_size_px, **placement_of(image)
    )
    return add_in_order(viewer, Points(data, **arguments))


def kind_of(layer: Layer) -> LabelKind | None:
    """The kind of label that a layer shows; None where it shows no labels."""
    role = role_of(layer)
    return role if role == "positive" or role == "negative" else None


def retag(layer: Points, kind: LabelKind, micrograph: str) -> None:
    """Make a layer of labels one of another micrograph."""
    layer.metadata.update(tag(kind, micrograph))
    layer.name = f"{micrograph} {WORDS[kind]}"


def resize(layer: Points, box_size_px: int) -> None:
    """Draw every point, and those to come, as squares of this size."""
    layer.selected_data = set()  # napari gives the current size to what is selected
    layer.current_size = box_size_px
    layer.size = box_size_px


def set_centres(layer: Points, centres_yx: FloatArray) -> None:
    """Let a layer show other points, (n, 2) positions; none of them is selected."""
    if layer.selected_data:
        layer.selected_data = set()  # an index of one that is gone breaks what napari does next
    layer.data = centres_yx
    if not layer.visible:  # napari 0.9.2 would look for the old points as soon as a colour changes
        layer.set_view_slice()


def adopt(
    layers: Iterable[Layer], points: Points, image: Image, kind: LabelKind, box_size_px: int
) -> None:
    """Make the user's own Points layer the particles, or non-particles, of a micrograph.

    InputError for a micrograph that has such a layer already.
    """
    name = image.metadata[KEY]["micrograph"]
    present = find_layer(layers, kind, name)
    if present is points:
        return
    if present is not None:
        raise InputError(
            f"{name} already has the layer '{present.name}': delete it first, "
            "or copy your points over."
        )
    world = np.array([points.data_to_world(point) for point in points.data]).reshape(-1, 2)
    pixels = np.array([image.world_to_data(point) for point in world]).reshape(-1, 2)
    set_centres(points, pixels)
    place(points, image)
    style = square_style(kind, box_size_px)
    for key in ("symbol", "border_color", "face_color", "border_width"):
        setattr(points, key, style[key])
        setattr(points, f"current_{key}", style[key])
    resize(points, box_size_px)
    points.metadata.update(tag(kind, name))


def adoptable(layers: Iterable[Layer]) -> list[Points]:
    """The two-dimensional Points layers that are the user's own."""
    return [
        layer
        for layer in layers
        if isinstance(layer, Points) and layer.ndim == 2 and role_of(layer) in (None, "coordinates")
    ]


def labels_on(layers: Iterable[Layer], micrograph: str, known: Labels | None = None) -> Labels:
    """The labels on a micrograph, in its original pixels.

    Those outside of it are left out, but for those that are known: its file may have been another
    when they were made.
    """
    layers = list(layers)
    centres = [_centres(layers, kind, micrograph) for kind in LABEL_KINDS]
    image = find_layer(layers, "micrograph", micrograph)
    if image is None:
        return Labels.of(*centres)
    known = known or Labels.of()
    pairs = zip(centres, (known.positive_yx, known.negative_yx), strict=True)
    return Labels.of(
        *(new[is_inside(new, image.data.shape) | _among(new, old)] for new, old in pairs)
    )


def count_outside(layers: Iterable[Layer], micrograph: str) -> int:
    """The number of points of a micrograph's labels that lie outside of it."""
    layers = list(layers)
    image = find_layer(layers, "micrograph", micrograph)
    if image is None:
        return 0
    centres = (_centres(layers, kind, micrograph) for kind in LABEL_KINDS)
    return sum(int((~is_inside(each, image.data.shape)).sum()) for each in centres)


def _among(centres_yx: FloatArray, others_yx: FloatArray) -> NDArray[np.bool_]:
    """(n,) bool: which of (n, 2) positions are among others."""
    others = {tuple(each) for each in others_yx.tolist()}
    return np.array([tuple(each) in others for each in centres_yx.tolist()], dtype=bool)


def _centres(layers: Iterable[Layer], kind: LabelKind, micrograph: str) -> FloatArray:
    """(n, 2) positions in all layers of one kind; what a copied layer has twice counts once."""
    parts = [np.asarray(layer.data) for layer in find_layers(layers, kind, micrograph)]
    positions = np.concatenate([np.empty((0, 2)), *parts])
    _, first = np.unique(positions, axis=0, return_index=True)
    return positions[np.sort(first)]
