"""Measure how quickly picks follow a slider: the selection alone, and a real window.

    python benchmarks/sliders.py                  # where there is a display
    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/sliders.py

Prints a JSON of milliseconds. A window without a graphics card is drawn by the processor.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from napari_deepem.core.network.general import general_model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import picks_above, select_picks
from napari_deepem.core.picking.score_evidence import RESAMPLES, LearntScores
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture, rows_of, stacked
from napari_deepem.core.types import Candidates, Micrograph, ScoreMap
from napari_deepem.layers import results

BOX_PX = 64
STEP_PX = 8
FRAMES = 60
WARM_UP = 5


def measure() -> dict[str, Any]:
    """Both; every value is in milliseconds, but for the numbers of candidates and picks."""
    return {"select": measure_selection(), "window": measure_window()}


def measure_selection(count: int = 100_000, repeats: int = 15) -> dict[str, Any]:
    """Milliseconds that a change of one setting takes on so many candidates; medians and least."""
    candidates = candidates_of(count)
    ranking = select_picks(candidates, threshold=0.0)
    low, high = np.quantile(candidates.stds, (0.05, 0.95))
    found: dict[str, Any] = {
        "candidates": len(candidates),
        "threshold": _timed(lambda: picks_above(ranking, 0.5), repeats),
        "std_range": _timed(
            lambda: select_picks(candidates, threshold=0.0, std_range=(low, high)), repeats
        ),
    }
    for boxes in (0.1, 0.25, 0.5, 1.0, 2.0):
        found[f"distance of {boxes} boxes"] = _timed(
            lambda boxes=boxes: select_picks(
                candidates, threshold=0.0, min_distance_px=boxes * BOX_PX
            ),
            repeats,
        )
    return found


def measure_window(count: int = 10_000) -> dict[str, Any]:
    """Milliseconds a frame while each slider of the Pick dock is dragged over so many picks.

    A frame is over when the canvas has been drawn. `update` is the part before: the selection, the
    layer's data and what the dock shows; `of a processor` leaves out waiting for a free one. Of
    that `napari's layer` is what it takes napari's Points to have other picks; the rest is `ours`.
    """
    import napari

    from napari_deepem.controllers.folder_drop import add_dock
    from napari_deepem.controllers.viewer_link import session_of
    from napari_deepem.layers.micrographs import image_layer_data
    from napari_deepem.session import Scored
    from napari_deepem.widgets.windows import DOCKS

    candidates = candidates_of(3 * count)
    side = int(candidates.centres_yx.max()) + BOX_PX
    noise = np.random.default_rng(1).normal(size=(side, side)).astype(np.float32)
    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window._qt_window.resize(1280, 800)  # napari has no public way to size its window
    data, arguments, _ = image_layer_data(Micrograph(noise, "m", 1.5))
    viewer.add_image(data, **arguments)
    docks = {name: add_dock(viewer, name) for name in DOCKS}
    session = session_of(viewer)
    mixture = ScoreMixture(Bell(-2.0, 1.0), Bell(2.0, 1.0), share=0.3)
    learnt = LearntScores(stacked(rows_of([mixture] * RESAMPLES)), 1.0, 100)
    curve = np.linspace(1.0, 0.0, 101).tolist()
    curves = {"precision": curve[::-1], "recall": curve, "f2": curve}
    summary = {"held_out_recall": 0.9, "held_out_curves": curves, **learnt.as_summary()}
    # a network that is said to have been trained, and to have given these scores
    session.model = replace(
        general_model(BOX_PX),
        recipe="modern",
        pixel_size=1.5,
        threshold=0.5,
        std_range=(0.0, 9.0),
        summary=summary,
    )
    grid = np.zeros((2, 2), np.float32)
    score_map = ScoreMap(grid, grid, 0.0, side / 2, BOX_PX)
    session.scored = {"m": Scored(session.micrographs["m"], session.model, score_map, candidates)}
    ranking = select_picks(candidates, threshold=0.0)
    middle = float(ranking.scores[min(count, len(ranking) - 1)])
    session.threshold = middle
    frames = _Frames(viewer)
    docks["Pick"].native.parent().raise_()
    drags: dict[str, Callable[[float], None]] = {
        "threshold": lambda at: setattr(session, "threshold", middle + 0.04 * at),
        "std_range": lambda at: setattr(session, "std_range", (0.0, 3.0 + 0.5 * at)),
        "distance": lambda at: setattr(session, "min_distance_px", 16.0 + 4.0 * at),
    }
    found: dict[str, Any] = {"picks": len(session.picks)}
    for name, drag in drags.items():
        found[name] = frames.of(drag)
    viewer.close()
    return found


class _Frames:
    """Times a drag of one slider there and back."""

    def __init__(self, viewer: Any) -> None:
        from qtpy.QtWidgets import QApplication

        self._process = QApplication.processEvents
        self._drawn = 0
        canvas = viewer.window._qt_viewer.canvas._scene_canvas  # to be told when it has drawn
        canvas.events.draw.connect(self._on_draw, position="last")
        self._canvas = canvas
        self._in_layer = 0.0  # seconds of a processor
        self._exchange, results.exchange = results.exchange, self._timed_exchange

    def _timed_exchange(self, *arguments: Any) -> None:
        """Give a layer of napari's other picks, and note how long it took."""
        worked = time.thread_time()
        self._exchange(*arguments)
        self._in_layer += time.thread_time() - worked

    def _on_draw(self, _event: Any) -> None:
        self._drawn += 1

    def of(self, drag: Callable[[float], None]) -> dict[str, float]:
        """Medians and 95th percentile of the frames of a drag."""
        updates, totals, busy, ours = [], [], [], []
        for at in _there_and_back():
            self._process()
            before, start, worked = self._drawn, time.perf_counter(), time.thread_time()
            self._in_layer = 0.0
            drag(at)
            updates.append(time.perf_counter() - start)
            busy.append(time.thread_time() - worked)
            ours.append(busy[-1] - self._in_layer)
            self._canvas.update()
            while self._drawn == before:
                self._process()
            totals.append(time.perf_counter() - start)
        updates, totals = updates[WARM_UP:], totals[WARM_UP:]
        return {
            "update": _ms(np.median(updates)),
            "update, of a processor": _ms(np.median(busy[WARM_UP:])),
            "of that napari's layer": _ms(np.median(busy[WARM_UP:]) - np.median(ours[WARM_UP:])),
            "of that ours": _ms(np.median(ours[WARM_UP:])),
            "of that ours, 99th percentile": _ms(np.quantile(ours[WARM_UP:], 0.99)),
            "frame": _ms(np.median(totals)),
            "frame, 95th percentile": _ms(np.quantile(totals, 0.95)),
        }


def candidates_of(count: int) -> Candidates:
    """Candidates of a smoothed map of noise with some larger structure, as found in micrographs."""
    from scipy import ndimage
    from scipy.special import expit

    rng = np.random.default_rng(0)
    side = int(3.5 * np.sqrt(count)) + 2 * BOX_PX // STEP_PX
    fine = ndimage.gaussian_filter(rng.normal(size=(side, side)), 0.8) / 0.35
    coarse = ndimage.gaussian_filter(rng.normal(size=(side, side)), 25) / 0.012
    scores = expit(2 * fine + coarse - 2).astype(np.float32)
    stds = rng.gamma(9.0, 1 / 6, scores.shape).astype(np.float32)
    found = find_candidates(ScoreMap(scores, stds, 0.0, STEP_PX, BOX_PX, smoothing=0.1))
    return Candidates(found.centres_yx[:count], found.scores[:count], found.stds[:count], BOX_PX)


def _there_and_back() -> Iterator[float]:
    """Positions of a slider from -1 to 1, no two after each other the same."""
    for frame in range(FRAMES + WARM_UP):
        yield float(np.sin(2 * np.pi * frame / 37.0))


def _timed(call: Callable[[], object], repeats: int) -> dict[str, float]:
    taken, worked = [], []
    for _ in range(repeats):
        start, worked_before = time.perf_counter(), time.thread_time()
        call()
        taken.append(time.perf_counter() - start)
        worked.append(time.thread_time() - worked_before)
    return {
        "median": _ms(np.median(taken)),
        "least": _ms(min(taken)),
        "of a processor": _ms(np.median(worked)),
    }


def _ms(seconds: float) -> float:
    return round(1000 * float(seconds), 3)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
