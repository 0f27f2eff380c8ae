"""What napari itself takes of a processor for the acts of `stalls.py`, without a plugin: the floor.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/napari_alone.py

The same window with plain docks and ordinary layers, as many and as large as there. Prints a JSON
of milliseconds: of each step the longest turn, as the window's thread worked in it. What is drawn
without a graphics card is drawn by the processor, here as there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from event_loop_probe import Probe

SIDE_PX, BINNED_PX = 4096, 1024
POINTS, TIMES = 800, 10  # picks on a micrograph, and how often an act is done


def main() -> None:
    """Do what `stalls.py` does, as far as napari has a part in it."""
    import napari

    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window._qt_window.resize(1280, 800)  # napari has no public way to size its window
    probe = Probe()
    probe.rest(5.0)  # until all of the window itself is there and drawn
    Floor(viewer, probe).walk()
    probe.end()
    figures = {step.name: round(float(step.worked.max()), 1) for step in probe.steps}
    print(json.dumps(figures, indent=2))


class Floor:
    """The acts on layers of napari's own, named as the steps of the story."""

    def __init__(self, viewer: Any, probe: Probe) -> None:
        self.viewer, self.probe = viewer, probe
        rng = np.random.default_rng(0)
        self.images = [rng.normal(size=(SIDE_PX, SIDE_PX)).astype(np.float32) for _ in range(2)]
        self.binned = [image[::4, ::4].copy() for image in self.images]
        self.places_yx = rng.uniform(0, SIDE_PX, (POINTS, 2))

    def walk(self) -> None:
        """All of them."""
        viewer = self.viewer
        self.step("open Micrographs", self.add_dock)
        self.step("open Annotate", self.add_dock)
        self.step("open the folder", self.open_image, lambda: self.add_image(self.binned[0]))
        self.step("take the tool", self.take_tool)
        self.click()
        self.step("propose particles", self.add_scores, self.add_picks)
        self.step("10 verdicts by keys", self.add_picks, *[self.give_verdict] * TIMES)
        self.step("drag the threshold", *[self.change_picks] * TIMES)
        self.step("next micrograph, 10 times", *[self.turn] * TIMES)
        self.step("close", viewer.window._qt_window.close)

    def step(self, name: str, *acts: Callable[[], object]) -> None:
        """Some acts, each in a turn of its own."""
        with self.probe.step(name):
            for act in acts:
                act()
                self.probe.rest(0.3)

    def add_dock(self) -> None:
        from qtpy.QtWidgets import QWidget

        self.viewer.window.add_dock_widget(QWidget(), tabify=True)

    def open_image(self) -> None:
        self.image = self.add_image(self.images[0])

    def add_image(self, pixels: Any) -> Any:
        scale = SIDE_PX / len(pixels)
        limits = (-3.0, 3.0)
        layer = self.viewer.add_image(pixels, contrast_limits=limits, scale=(scale, scale))
        self.filtered = layer
        return layer

    def add_points(self, places_yx: Any) -> Any:
        return self.viewer.add_points(
            places_yx, ndim=2, size=100, symbol="square", face_color="transparent"
        )

    def take_tool(self) -> None:
        self.labels = self.add_points(np.empty((0, 2)))
        self.labels.mode = "add"

    def click(self) -> None:
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        canvas = self.viewer.window._qt_viewer.canvas.native
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        for name, count in (("first click", 1), ("10 more clicks", TIMES)):
            spots = [QPoint(200 + 20 * number, 200) for number in range(count)]
            self.step(
                name, *(lambda at=at: QTest.mouseClick(canvas, left, none, at) for at in spots)
            )

    def add_scores(self) -> None:
        self.add_image(self.binned[1][::4, ::4])

    def add_picks(self) -> None:
        self.picks = self.add_points(self.places_yx)

    def give_verdict(self) -> None:
        self.picks.data = self.picks.data[:-1]
        self.viewer.scene.camera.center = (0.0, *self.picks.data[-1])

    def change_picks(self) -> None:
        count = len(self.picks.data)
        self.picks.data = self.places_yx[: count - 40 if count > POINTS // 2 else POINTS]

    def turn(self) -> None:
        self.image.data = self.images[self.image.data is self.images[0]]
        self.filtered.data = self.binned[0][::4, ::4].copy()
        self.picks.data = self.places_yx[: POINTS // 2]


if __name__ == "__main__":
    main()
