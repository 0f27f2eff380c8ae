"""What Python's garbage collector is not to look at: all that was there when modules were imported.

It takes the collector half a second to look at all of it, in which the window stands still. Layers
that were there then, with their micrographs, are collected nevertheless, once they are removed.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable

from napari.layers import Layer
from qtpy.QtCore import QTimer


class Uncollected:
    """The layers of one viewer among all that is not looked at."""

    def __init__(self, layers_of: Callable[[], Iterable[Layer]]) -> None:
        self._layers_of = layers_of
        self._layers: weakref.WeakSet[Layer] = weakref.WeakSet()
        self._is_waiting = False  # for the end of what removes layers
        self._has_any = False

    def __contains__(self, layer: Layer) -> bool:
        return layer in self._layers

    def update(self) -> None:
        """Know of the layers that are there after an import."""
        self._has_any = True
        self._layers.update(self._layers_of())

    def remove(self, layer: Layer) -> None:
        """Collect a layer that goes: when all have gone that go with it, and nobody holds it."""
        if layer in self._layers and not self._is_waiting:
            self._is_waiting = True
            QTimer.singleShot(0, self._collect)

    def close(self) -> None:
        """Leave nothing that the collector does not look at."""
        if self._has_any:
            self._has_any = False
            gc.unfreeze()

    def _collect(self) -> None:
        """Look at everything once, and from then on at nothing of what is there now."""
        self._is_waiting = False
        if self._has_any:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self.update()
