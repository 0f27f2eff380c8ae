"""The order of our layers, from the bottom up, whatever order they are made in.

What is opaque lies below what is drawn over it. Layers of the user's stay where they are, and so
does one of ours that the user has moved.
"""

from __future__ import annotations

from napari.components import LayerList
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


def put_in_order(layers: LayerList, layer: Layer) -> None:
    """Move a layer that has just come, if it is one of ours, to its place among ours.

    It comes right above one that may lie below it, where the fewest of ours are on the wrong side.
    """
    rank = _rank(layer)
    if rank is None:
        return
    others = [_rank(each) for each in layers if each is not layer]
    ours = [(place, other) for place, other in enumerate(others) if other is not None]
    if not ours:
        return

    def wrong(place: int) -> int:
        return sum((other > rank) == (at < place) for at, other in ours)

    above_lower = [at + 1 for at, other in ours if other <= rank]
    place = min(above_lower or [ours[0][0]], key=wrong)
    now = layers.index(layer)
    layers.move(now, place if place < now else place + 1)


def _rank(layer: Layer) -> int | None:
    role = role_of(layer)
    return BOTTOM_UP.index(role) if role in BOTTOM_UP else None
