"""The OpenGL context of a window's canvas, in which what is drawn there must be deleted."""

from __future__ import annotations

import weakref
from typing import Any

from napari.components import ViewerModel
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QMainWindow


def keep_context(viewer: ViewerModel, window: QMainWindow) -> None:
    """Let layers be removed in the context of the canvas that has drawn them.

    napari 0.9.2 deletes a removed layer's shaders and buffers at once (`VispyCanvas.
    _clean_and_update_scenegraph`), in whichever context is current: outside of a draw that is
    Qt's own. The two share their objects, so a shader that the canvas has just used goes under
    it, and its next draw ends in a segmentation fault, such as after a layer of points.
    """
    canvases = [weakref.ref(each) for each in window.findChildren(QOpenGLWidget)]
    removing = viewer.layers.events.removing

    def make_current(_event: Any) -> None:
        for canvas in canvases:
            widget = canvas()
            if widget is not None:
                widget.makeCurrent()

    removing.connect(make_current)
    window.destroyed.connect(lambda: removing.disconnect(make_current))
