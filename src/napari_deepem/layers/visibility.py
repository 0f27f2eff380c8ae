"""The visibility of layers, set only where it changes.

napari 0.9.2 draws all layers anew, and lays out their overlays, whenever that of one is set, even
if to what it is already: that was more than half of the time of turning to another micrograph.
"""

from __future__ import annotations

from napari.layers import Layer


def set_visible(layer: Layer, visible: bool) -> None:
    """Show or hide a layer, if it is not so already."""
    if layer.visible != visible:
        layer.visible = visible
