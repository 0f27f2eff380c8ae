"""Measure how smoothly the gallery of Review scrolls through thousands of picks, in a real window.

    python benchmarks/gallery.py                  # where there is a display
    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/gallery.py

Prints a JSON of milliseconds. A frame is one step of a scroll bar: what Qt and we do until the
gallery is drawn, as this thread's work of a processor and on the clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
from sliders import BOX_PX, candidates_of

from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Micrograph

PICKS = 5000
MICROGRAPHS = 5
STEP_PX = 24  # a line of a wheel that turns quickly
FRAMES = 300


def measure(count: int = PICKS) -> dict[str, Any]:
    """Milliseconds a frame of scrolling, and of what is done to all picks at once."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    viewer, dock = open_gallery(count)
    view, process = dock.view, QApplication.processEvents
    bar = view.verticalScrollBar()
    frames = Frames(process)
    figures: dict[str, Any] = {"picks": len(dock.pictures.gallery)}
    figures["pictures in sight"] = len(view.rows_in_sight())
    steps = range(0, min(bar.maximum(), FRAMES * STEP_PX), STEP_PX)
    figures["scrolling, pictures still to come"] = frames.of(
        (lambda at=at: bar.setValue(at)) for at in np.linspace(0, bar.maximum(), FRAMES).astype(int)
    )
    wait_for(process, lambda: not dock.pictures.missing(view.rows_in_sight()))
    until_cut(view, dock.pictures, process)
    figures["scrolling, all pictures cut"] = frames.of(
        (lambda at=at: bar.setValue(at)) for at in steps
    )
    figures["long scroll, all pictures cut"] = frames.of(
        (lambda at=at: bar.setValue(at)) for at in np.linspace(0, bar.maximum(), FRAMES).astype(int)
    )
    figures["drawing all that is in sight"] = frames.of(view.redraw for _ in range(100))
    figures["select all"] = once(view.selectAll, process)
    figures["reject all"] = once(lambda: QTest.keyClick(view, Qt.Key.Key_R), process)
    figures["undo that"] = once(dock.session.edits.undo, process)
    figures["next by arrow"] = frames.of(
        (lambda: QTest.keyClick(view, Qt.Key.Key_Right)) for _ in range(60)
    )
    viewer.close()
    return figures


def open_gallery(count: int) -> tuple[Any, Any]:
    """A window with a Review dock that shows so many picks of some micrographs."""
    import napari

    from napari_deepem.controllers.viewer_link import session_of
    from napari_deepem.layers.micrographs import image_layer_data
    from napari_deepem.widgets.docks.gallery_filling import ALL

    candidates = candidates_of(3 * count // MICROGRAPHS)
    side = int(candidates.centres_yx.max()) + BOX_PX
    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window._qt_window.resize(1280, 800)  # napari has no public way to size its window
    for number in range(MICROGRAPHS):
        noise = np.random.default_rng(number).normal(size=(side, side)).astype(np.float32)
        data, arguments, _ = image_layer_data(Micrograph(noise, f"m{number}", 1.5))
        viewer.add_image(data, **arguments)
    _, dock = viewer.window.add_plugin_dock_widget("napari-deepem", "Review")
    session = session_of(viewer)
    session.model = SimpleNamespace(
        threshold=0.0,
        min_distance_px=0.0,
        std_range=(0.0, 99.0),
        box_size_px=BOX_PX,
        sampling=Sampling(2),
        summary={},
        recipe="modern",
    )
    session.threshold = 0.0
    session.candidates = dict.fromkeys(session.micrographs, candidates)
    ranked = np.sort(np.concatenate([c.scores for c in session.candidates.values()]))
    session.threshold = float(ranked[-count])
    dock.scope.value = ALL
    from qtpy.QtWidgets import QApplication

    wait_for(QApplication.processEvents, lambda: len(dock.pictures.gallery) > count // 2)
    return viewer, dock


class Frames:
    """Times the frames of a gallery."""

    def __init__(self, process: Callable[[], object]) -> None:
        self._process = process

    def of(self, moves: Iterable[Callable[[], object]]) -> dict[str, float]:
        """Milliseconds: 99th percentiles and medians over moves, one a frame."""
        busy, clock = [], []
        for move in moves:
            start, worked = time.perf_counter(), time.thread_time()
            move()
            self._process()  # which draws
            busy.append(time.thread_time() - worked)
            clock.append(time.perf_counter() - start)
        return {
            "median": ms(np.median(busy)),
            "99th percentile": ms(np.quantile(busy, 0.99)),
            "longest": ms(max(busy)),
            "on the clock, median": ms(np.median(clock)),
            "on the clock, 99th percentile": ms(np.quantile(clock, 0.99)),
        }


def once(act: Callable[[], object], process: Callable[[], object]) -> float:
    worked = time.thread_time()
    act()
    process()
    return ms(time.thread_time() - worked)


def until_cut(view: Any, pictures: Any, process: Callable[[], object]) -> None:
    """Scroll through the gallery until every picture is cut."""
    bar = view.verticalScrollBar()
    for at in range(0, bar.maximum() + 1, view.viewport().height()):
        bar.setValue(at)
        wait_for(process, lambda: not pictures.missing(view.rows_in_sight()))
    bar.setValue(0)


def wait_for(
    process: Callable[[], object], happened: Callable[[], bool], seconds: float = 120
) -> None:
    """Let the window work until something has happened."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError("the gallery did not get there")
        process()
        time.sleep(0.005)


def ms(seconds: float) -> float:
    return round(1000 * float(seconds), 2)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
