"""Measure how long the window stands still while a network is trained and micrographs are scored.

    python benchmarks/stalls.py                   # where there is a display
    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/stalls.py

A timer beats every 5 ms in a window of 1280 x 800 px with all docks, on a series of four simulated
micrographs of 3072 x 3072 px. Prints a JSON of milliseconds between two beats. On a busy machine a
gap is longer than what the window's thread worked in it; torch and pandas are imported once, and
hold every thread for most of a second.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_deepem.core.simulation import SAMPLE_BOX_PX, SAMPLE_PIXEL_SIZE, simulate_sample
from napari_deepem.core.types import Labels
from napari_deepem.io.images import write_image

BEAT_MS = 5
COUNT, TILES = 4, 3  # micrographs, each of so many times so many of the embedded sample
CLICKS = 100  # on each of two micrographs
EPOCHS = 10
LONG_S = 600.0


def measure() -> dict[str, Any]:
    """What the beats tell of opening, training, scoring, and of scoring while one turns pages."""
    from napari_deepem.controllers.folder_drop import add_dock
    from napari_deepem.controllers.viewer_link import link_of
    from napari_deepem.widgets.windows import DOCKS

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        labels = write_series(folder)
        viewer = open_window()
        docks = {name: add_dock(viewer, name) for name in DOCKS}
        link = link_of(viewer)
        session, heart = link.session, Heart()

        def show(name: str) -> Any:
            docks[name].native.parent().raise_()
            return docks[name]

        show("Micrographs")
        link.autosave.open_folder(folder)
        heart.until(lambda: session.current in session.micrographs and not link.autosave.message)
        heart.until_idle()
        found = {"opening": heart.told()}

        show("Annotate")
        session.box_size_px, session.epochs, session.labels = SAMPLE_BOX_PX, EPOCHS, labels
        heart.until_idle()
        found["the first labels"] = heart.told()
        show("Train").train.native.click()
        heart.until(lambda: not session.training.running)
        found["training"] = heart.told()

        show("Pick").score.native.click()
        heart.until(lambda: not session.scoring.running)
        heart.until_idle()
        found["scoring what is shown"] = heart.told()

        show("Micrographs").pick_all.native.click()
        pages = heart.every(1000, lambda: link.navigation.step(1))
        heart.until(lambda: not session.scoring.running)
        pages.stop()
        heart.until_idle()
        found["scoring all, turning a page a second"] = heart.told()
        assert session.model is not None, session.training.message
        assert len(session.candidates) == COUNT, session.scoring.message
        link.autosave.close()
        viewer.close()
    return found


def write_series(folder: Path) -> dict[str, Labels]:
    """Write the micrographs as MRC files; returns labels of the first two."""
    sample = simulate_sample(count=COUNT)
    side, labels = len(sample[0].micrograph.image), {}
    for number in range(COUNT):
        order = np.roll(np.resize(np.arange(COUNT), TILES**2), number).reshape(TILES, TILES)
        rows = [np.hstack([sample[at].micrograph.image for at in row]) for row in order]
        name = f"large_{number + 1}"
        write_image(folder / f"{name}.mrc", np.vstack(rows), SAMPLE_PIXEL_SIZE)
        truth_yx = np.vstack(
            [sample[at].truth_yx + (side * np.array(place)) for place, at in np.ndenumerate(order)]
        )
        labels[name] = Labels.of(truth_yx[:CLICKS])
    return dict(list(labels.items())[:2])


def open_window() -> Any:
    """A window of napari."""
    import napari

    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window._qt_window.resize(1280, 800)  # napari has no public way to size its window
    return viewer


class Heart:
    """Beats as often as the loop of events lets it, and remembers when."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt

        self._beats: list[float] = []
        self._worked: list[float] = []  # seconds of a processor of this thread
        self._timer = self.every(BEAT_MS, self._beat)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)

    def every(self, milliseconds: int, callback: Callable[[], object]) -> Any:
        """A timer that calls again and again."""
        from qtpy.QtCore import QTimer

        timer = QTimer()
        timer.timeout.connect(callback)
        timer.start(milliseconds)
        return timer

    def until(self, happened: Callable[[], bool]) -> None:
        """Let the window work until something has happened."""
        from qtpy.QtCore import QEventLoop

        loop, end = QEventLoop(), time.monotonic() + LONG_S

        def look() -> None:
            if happened():
                loop.quit()
            elif time.monotonic() > end:
                raise TimeoutError("the window did not get there")

        timer = self.every(20, look)
        loop.exec()
        timer.stop()

    def until_idle(self, seconds: float = 2.0) -> None:
        """Let the window come to rest."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def told(self) -> dict[str, Any]:
        """Milliseconds between the beats since it was asked last."""
        gaps, worked = (1000 * np.diff(each) for each in (self._beats, self._worked))
        seconds = self._beats[-1] - self._beats[0]
        longest = int(np.argmax(gaps))
        self._beats, self._worked = [], []
        return {
            "seconds": round(seconds, 1),
            "beats": len(gaps),
            "median": _ms(np.median(gaps)),
            "99th percentile": _ms(np.quantile(gaps, 0.99)),
            "longest": _ms(gaps[longest]),
            "of it, this thread's work": _ms(worked[longest]),
            "this thread's work, 99th percentile": _ms(np.quantile(worked, 0.99)),
            "share of the time in stalls of more than 100 ms": round(
                float(gaps[gaps > 100].sum() / gaps.sum()), 3
            ),
        }

    def _beat(self) -> None:
        self._beats.append(time.perf_counter())
        self._worked.append(time.thread_time())


def _ms(value: Any) -> float:
    return round(float(value), 1)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
