"""What a layer is to us, kept in the layer itself: its role and its micrograph's name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from napari.layers import Layer

KEY = "napari_deepem"
Role = Literal[
    "micrograph", "positive", "negative", "scores", "picks", "display", "outline", "review"
]


def tag(role: Role, micrograph: str, **more: Any) -> dict[str, Any]:
    """Metadata of a layer that plays `role` for the micrograph of that name."""
    return {KEY: {"role": role, "micrograph": micrograph, **more}}


def tag_of(layer: Layer) -> dict[str, Any]:
    """Our part of a layer's metadata; empty for a layer that is none of ours."""
    found = layer.metadata.get(KEY)
    return found if isinstance(found, dict) else {}


def role_of(layer: Layer) -> Role | None:
    """What a layer is to us."""
    return tag_of(layer).get("role")


def micrograph_name_of(layer: Layer) -> str | None:
    """Name of the micrograph that a layer belongs to, or is."""
    return tag_of(layer).get("micrograph")


def find_layers(layers: Iterable[Layer], role: Role, micrograph: str | None = None) -> list[Any]:
    """Every layer with this role, of this micrograph if one is named."""
    return [
        layer
        for layer in layers
        if role_of(layer) == role and micrograph in (None, micrograph_name_of(layer))
    ]


def find_layer(layers: Iterable[Layer], role: Role, micrograph: str | None = None) -> Layer | None:
    """Return the first of them; None if there is none."""
    return next(iter(find_layers(layers, role, micrograph)), None)


def untag(layer: Layer) -> None:
    """Make a layer none of ours."""
    layer.metadata.pop(KEY, None)
