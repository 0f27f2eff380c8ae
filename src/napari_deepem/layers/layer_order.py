"""The order of our layers, from the bottom up, whatever order they are made in.

What is opaque lies below what is drawn over it. Layers of the user's stay where they are, and so
does one of ours that the user has moved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from napari.components import LayerList, ViewerModel
from napari.layers import Layer

from napari_deepem.layers.tags import Role, role_of

BOTTOM_UP: tuple[Role, ...] = (
    "micrograph",
    "display",
    "scores",
    "picks",
    "hand",
    "verdicts",
    "negative",
    "positive",
    "outline",
)


L = TypeVar("L", bound=Layer)


def add_in_order(viewer: ViewerModel, layer: L) -> L:
    """Add a layer of ours to a viewer, at its place among ours; returns it.

    A layer that is added on top and moved then has napari 0.9.2 draw all layers twice.
    """
    place = _place_among(viewer.layers, layer)
    viewer.layers.insert(len(viewer.layers) if place is None else place, layer)
    return layer


def put_in_order(layers: LayerList, layer: Layer) -> None:
    """Move a layer that has just come, if it is one of ours, to its place among ours.

    It comes right above one that may lie below it, where the fewest of ours are on the wrong side.
    """
    place = _place_among((each for each in layers if each is not layer), layer)
    if place is not None:
        now = layers.index(layer)
        layers.move(now, place if place < now else place + 1)


def _place_among(others: Iterable[Layer], layer: Layer) -> int | None:
    """The place of a layer among others; None if it is none of ours, or the only one."""
    rank, ranks = _rank(layer), [_rank(each) for each in others]
    ours = [(place, other) for place, other in enumerate(ranks) if other is not None]
    if rank is None or not ours:
        return None

    def wrong(place: int) -> int:
        return sum((other > rank) == (at < place) for at, other in ours)

    above_lower = [at + 1 for at, other in ours if other <= rank]
    return min(above_lower or [ours[0][0]], key=wrong)


def _rank(layer: Layer) -> int | None:
    role = role_of(layer)
    return BOTTOM_UP.index(role) if role in BOTTOM_UP else None
