"""Make the pictures of the user guide, docs/images/*.png, from the embedded sample.

Run it where there is a display, or under a virtual one: `xvfb-run -s "-screen 0 1600x1000x24"
python docs/make_screenshots.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import napari
from PIL import Image
from qtpy.QtCore import QPoint, QRect
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QApplication

from napari_deepem.widgets.link import session_of

IMAGES = Path(__file__).parent / "images"
PLUGIN = "napari-deepem"


def main() -> None:
    """Go through the whole story once and take the pictures on the way."""
    IMAGES.mkdir(exist_ok=True)
    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.open_sample(PLUGIN, "klh_labelled")
    docks = {
        name: viewer.window.add_plugin_dock_widget(PLUGIN, name)[1]
        for name in ("Annotate", "Train", "Pick", "Export")
    }
    session = session_of(viewer)
    settle()
    window = viewer.window._qt_window  # napari has no public way to size its window
    window.resize(1280, 800)
    settle()
    session.current = next(iter(session.micrographs))
    docks["Annotate"].mark_positive.native.click()
    viewer.reset_view()
    show(docks["Annotate"])
    picture(docks["Annotate"], "annotate")

    show(docks["Train"])
    docks["Train"].train.native.click()
    wait_until(lambda: len(session.history) >= 8)
    picture(docks["Train"], "train")
    wait_until(lambda: not session.training.running)

    viewer.layers.selection.active = None
    session.current = list(session.micrographs)[-1]
    show(docks["Pick"])
    docks["Pick"].score.native.click()
    wait_until(lambda: session.picks is not None)
    viewer.layers.selection.active = viewer.layers["Picks"]
    viewer.reset_view()
    settle()
    save(window.grab(), "window")
    picture(docks["Pick"], "pick")
    show(docks["Export"])
    docks["Export"].destination.value = Path("/data/klh/picks/klh_03.star")
    picture(docks["Export"], "export")
    viewer.close()


def show(dock) -> None:
    """Bring a dock to the front of its tabs."""
    dock.native.parent().raise_()
    settle()


def picture(dock, name: str) -> None:
    """Save a picture of one dock."""
    settle()
    frame = dock.native.parent()
    used = dock.native.sizeHint().height() + dock.native.mapTo(frame, QPoint(0, 0)).y()
    save(frame.grab(QRect(0, 0, frame.width(), min(used + 8, frame.height()))), name)


def save(pixmap: QPixmap, name: str) -> None:
    """Save a picture in 256 colours: noise takes megabytes in more."""
    path = IMAGES / f"{name}.png"
    pixmap.save(str(path))
    with Image.open(path) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def settle(seconds: float = 0.5) -> None:
    """Let the window draw itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def wait_until(happened: Callable[[], bool], seconds: float = 300.0) -> None:
    """Let the window work until something has happened."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        settle(0.05)


if __name__ == "__main__":
    main()
