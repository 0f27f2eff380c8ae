"""Tags, which say what layers are to us and are kept in them: a role, a micrograph's name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from napari.layers import Layer

KEY = "napari_deepem"
Role = Literal[
    "micrograph",
    "positive",
    "negative",
    "scores",
    "picks",
    "hand",
    "display",
    "outline",
    "verdicts",
    "coordinates",  # the user's own points, of a file or a copy of picks
]


def tag(role: Role, micrograph: str, **more: Any) -> dict[str, Any]:
    """Metadata of a layer that plays `role` for the micrograph of that name."""
    return {KEY: {"role": role, "micrograph": micrograph, **more}}


def tag_of(layer: Layer) -> dict[str, Any]:
    """Our part of a layer's metadata; empty for a layer that is none of ours."""
    ours = layer.metadata.get(KEY)
    return ours if isinstance(ours, dict) else {}


def role_of(layer: Layer) -> Role | None:
    """The role that a layer plays for us; None for one that is none of ours."""
    return tag_of(layer).get("role")


def micrograph_name_of(layer: Layer) -> str | None:
    """The name of the micrograph that a layer belongs to, or is; None for none of ours."""
    return tag_of(layer).get("micrograph")


def find_layers(layers: Iterable[Layer], role: Role, micrograph: str | None = None) -> list[Any]:
    """Every layer with this role, of this micrograph if one is named."""
    return [
        layer
        for layer in layers
        if role_of(layer) == role and micrograph in (None, micrograph_name_of(layer))
    ]


def find_layer(layers: Iterable[Layer], role: Role, micrograph: str | None = None) -> Layer | None:
    """The first layer with this role, of this micrograph if one is named; None without any."""
    return next(iter(find_layers(layers, role, micrograph)), None)


def untag(layer: Layer) -> None:
    """Remove our tag from a layer, which is none of ours then."""
    layer.metadata.pop(KEY, None)
