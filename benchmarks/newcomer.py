"""Go from micrographs to coordinate files as the guide does, by mouse and keys, and count.

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/newcomer.py ../shared/data/apoferritin

A real window, which gets presses of buttons and keys from the X server, by xdotool: a box and
particles are proposed, ten picks judged on two micrographs, a network trained, the threshold moved,
three picks mended by hand, all micrographs picked, and files saved, read back and compared. Beside
each `NAME.mrc` of the folder lies its truth, `NAME.csv` with columns x and y: it stands for what
the user sees. Prints a table with a line a step: clicks and drags, keys, and seconds in which there
was nothing to do but wait. How long a user reads and thinks is not in it.
"""

from __future__ import annotations

import argparse
import csv
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.settings import get_settings
from qtpy.QtCore import QPoint, QPointF, QSettings, QTimer
from qtpy.QtWidgets import QAbstractButton, QTabBar

from napari_deepem import read_coordinates
from napari_deepem.controllers.folder_drop import add_dock
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.widgets.windows import DOCKS

SIZE = (1280, 800)  # of the window, px
SEEN_OFF = 0.1  # boxes: who moves a pick by less than that does not see the difference
EACH, BOX_PARTICLES = 5, 1.4  # verdicts on each of two micrographs; the box that a user chooses
SAME = 0.25  # of the box: one particle
ANSWER_S = 60.0  # of the window: what is asked for takes no time
EDGE_PX = 60  # where a user mends nothing
HAND_S, READS_S = 0.3, 1.0  # after a press, and where something new is to be looked at
Place = tuple[float, float]


def main() -> None:
    """Tell the story once, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="micrographs (.mrc), and their truth (.csv)")
    parser.add_argument("--particle", type=float, default=68.0, help="its diameter, px")
    parser.add_argument("--pictures", type=Path, help="a folder for a picture after each step")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        get_settings(work / "napari.yaml")  # the user's own stay as they are
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(work))
        copies = work / "micrographs"
        copies.mkdir()
        for path in sorted(options.folder.glob("*.mrc")):
            shutil.copyfile(path, copies / path.name)
        Newcomer(copies, options).go()


@dataclass
class Counts:
    """What a step took."""

    clicks: int = 0
    keys: int = 0
    waited_s: float = 0.0


class Hand:
    """A hand on the mouse and the keys of the X server, from another thread than the window's."""

    def __init__(self) -> None:
        self.steps: dict[str, Counts] = {}
        self._counts = Counts()
        self._asked: queue.Queue[tuple[Callable[[], Any], queue.Queue[Any]]] = queue.Queue()
        self._timer = QTimer()
        self._timer.timeout.connect(self._answer)
        self._timer.start(10)

    def _answer(self) -> None:
        while not self._asked.empty():
            question, answers = self._asked.get()
            answers.put(question())

    def ask(self, question: Callable[[], Any]) -> Any:
        """What the window says, asked in its own thread."""
        answers: queue.Queue[Any] = queue.Queue()
        self._asked.put((question, answers))
        return answers.get(timeout=ANSWER_S)  # none comes where the question was wrong

    @contextmanager
    def step(self, name: str) -> Any:
        """A step, whose clicks, keys and seconds of waiting are counted."""
        self._counts = self.steps[name] = Counts()
        yield

    def wait(self, is_done: Callable[[], Any], seconds: float = 900.0) -> None:
        """Wait for the machine."""
        start = time.perf_counter()
        while not self.ask(is_done):
            time.sleep(0.1)
            if time.perf_counter() - start > seconds:
                raise TimeoutError(self.steps)
        self._counts.waited_s += time.perf_counter() - start

    def point(self, place: QPoint) -> None:
        """Move the mouse to a place of the screen."""
        _xdotool("mousemove", place.x(), place.y())
        time.sleep(HAND_S / 2)

    def click(self, place: QPoint, modifier: str = "") -> None:
        """Click there."""
        self._counts.clicks += 1
        self.point(place)
        self._with(modifier, lambda: _xdotool("click", 1))

    def drag(self, start: QPoint, end: QPoint) -> None:
        """Drag from one place to another."""
        self._counts.clicks += 1
        self.point(start)
        _xdotool("mousedown", 1)
        for share in np.linspace(0.2, 1.0, 5):
            place = start + (end - start) * float(share)
            self.point(place)
        _xdotool("mouseup", 1)
        time.sleep(HAND_S)

    def key(self, key: str) -> None:
        """Press a key."""
        self._counts.keys += 1
        _xdotool("key", key)
        time.sleep(HAND_S)

    @staticmethod
    def _with(modifier: str, press: Callable[[], None]) -> None:
        if modifier:
            _xdotool("keydown", modifier)
        press()
        if modifier:
            _xdotool("keyup", modifier)
        time.sleep(HAND_S)


class Newcomer:
    """Somebody who goes by the guide, in one window."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.viewer = napari.Viewer(show=False)
        self.viewer.show()
        self.window = self.viewer.window._qt_window  # napari has no public way to size its window
        self.docks = {name: add_dock(self.viewer, name) for name in DOCKS}
        self.window.setGeometry(0, 0, *SIZE)
        self.link = link_of(self.viewer)
        self.session, self.hand = self.link.session, Hand()

    def go(self) -> None:
        """Tell the story in another thread, then print what it took."""
        told: list[str] = []

        def tell() -> None:
            try:
                told.append(self.tell())
            finally:
                self.hand.ask(self.viewer.close)

        threading.Thread(target=tell, daemon=True).start()
        napari.run()
        print(told[0])

    def tell(self) -> str:
        """From the folder to the files; the table of what it took."""
        hand, session = self.hand, self.session
        with hand.step("open the folder"):
            hand.ask(lambda: self.link.autosave.open_folder(self.folder))
            hand.wait(lambda: session.current in session.micrographs)
            self._look()
        with hand.step("have a box proposed, and choose one"):
            self._choose_box()
        with hand.step("have particles proposed on two micrographs"):
            self._propose()
        with hand.step("judge ten picks"):
            self._judge()
        with hand.step("train"):
            self._press("Review", "train_again")
            hand.wait(lambda: session.trained_model is not None and not session.training.running)
            hand.wait(lambda: session.current_scored is not None and not session.scoring.running)
            self._look()
        with hand.step("move the threshold"):
            self._move_threshold()
        with hand.step("mend three picks by hand"):
            self._mend()
        with hand.step("pick all micrographs"):
            self._press("Micrographs", "pick_all")
            hand.wait(lambda: len(session.candidates) == len(session.files))
            self._look()
        with hand.step("save"):
            self._press("Export", "save")
            hand.wait(lambda: session.exporting.message.startswith("Wrote"))
            self._look()
        return self._table()

    # the steps

    def _choose_box(self) -> None:
        hand, session = self.hand, self.session
        proposals = self.docks["Annotate"].proposals
        self._press("Annotate", "proposals.propose_box")
        hand.wait(lambda: session.box_choices and not session.proposing.running)
        self._look()
        sizes = [choice.box_size_px for choice in session.box_choices]
        wanted = BOX_PARTICLES * self.options.particle
        nearest = min(range(len(sizes)), key=lambda at: abs(sizes[at] - wanted))
        hand.click(hand.ask(lambda: _middle(proposals.boxes.buttons[nearest])))

    def _propose(self) -> None:
        hand, session = self.hand, self.session
        for at, name in enumerate(list(session.files)[:2]):
            hand.point(self._canvas())
            if at:
                hand.key("n")
                hand.wait(lambda name=name: session.current == name in session.micrographs)
            hand.key("k")
            hand.wait(lambda: session.current_scored is not None and not session.scoring.running)
            self._look()

    def _judge(self) -> None:
        hand, session, dock = self.hand, self.session, self.docks["Review"]
        self._show("Review")
        for at, name in enumerate(list(session.files)[1::-1]):
            if at:
                hand.point(self._canvas())
                hand.key("shift+n")
                hand.wait(lambda name=name: session.current == name in session.micrographs)
            time.sleep(READS_S)
            shown = hand.ask(lambda: dock.pictures.gallery.centres_yx)
            is_particle = self._distances(shown[:EACH], name) <= SAME * session.box_size_px
            hand.click(hand.ask(lambda: self._picture_in_gallery(0)))
            for each in is_particle:
                hand.key("a" if each else "r")
        self._look()

    def _move_threshold(self) -> None:
        hand, dock = self.hand, self.docks["Pick"]
        self._show("Pick")
        threshold = self.session.threshold

        def at(score: float) -> QPoint:
            plot = dock.by_score.plot.widget
            y = sum(plot.plotItem.vb.viewRange()[1]) / 2
            scene = plot.plotItem.vb.mapViewToScene(QPointF(score, y))
            return plot.mapToGlobal(plot.mapFromScene(scene))

        lower = max(0.05, threshold - 0.1)
        hand.drag(*hand.ask(lambda: (at(threshold), at(lower))))
        assert self.session.threshold < threshold
        self._look()

    def _mend(self) -> None:
        """Add one where none is, remove the worst one, move one: to its middle if that is away."""
        hand, session, name = self.hand, self.session, self.session.current or ""
        hand.click(hand.ask(lambda: _middle(self._house())))  # Review has zoomed in
        time.sleep(READS_S)
        hand.point(self._canvas())
        hand.key("h")
        picks_yx, truth_yx = session.picks.centres_yx, self._truth(name)
        inner_yx = picks_yx[self._is_inner(picks_yx, name)]
        away_px = self._distances(inner_yx, name)
        removed_yx = inner_yx[away_px.argmax()]
        alone = _nearest(inner_yx, picks_yx, 1) > 0.8 * session.box_size_px
        good = alone & (away_px <= SAME * session.box_size_px)
        moved_yx = inner_yx[good][away_px[good].argmax()]
        move_yx = truth_yx[np.hypot(*(truth_yx - moved_yx).T).argmin()] - moved_yx
        if np.hypot(*move_yx) < SEEN_OFF * session.box_size_px:
            move_yx = np.array([0.0, SEEN_OFF * session.box_size_px])
        hand.click(self._at(self._free_place(name)))
        hand.click(self._at(removed_yx), "shift")
        hand.drag(self._at(moved_yx), self._at(moved_yx + move_yx))
        time.sleep(READS_S)
        counts = session.picks.counts
        assert (counts.by_hand, len(session.picks)) == (2, len(picks_yx)), counts
        self._look()

    def _free_place(self, name: str) -> Place:
        """A particle that is no pick; else the middle of the largest place that has none."""
        picks_yx, truth_yx = self.session.picks.centres_yx, self._truth(name)
        grid = np.indices(self.session.micrographs[name].shape)[:, ::20, ::20].reshape(2, -1).T
        for places_yx, least in ((truth_yx, 0.5), (grid.astype(float), 0.0)):
            inner_yx = places_yx[self._is_inner(places_yx, name)]
            away_px = _nearest(inner_yx, picks_yx)
            if away_px.max(initial=0.0) > least * self.session.box_size_px:
                return tuple(inner_yx[away_px.argmax()].tolist())
        raise ValueError("picks everywhere")

    def _table(self) -> str:
        """What each step took, and what the files hold."""
        steps = self.hand.steps
        steps["all"] = Counts(
            sum(each.clicks for each in steps.values()),
            sum(each.keys for each in steps.values()),
            sum(each.waited_s for each in steps.values()),
        )
        lines = ["| step | clicks | keys | waiting, s |", "|---|---|---|---|"]
        for name, counts in steps.items():
            lines.append(f"| {name} | {counts.clicks} | {counts.keys} | {counts.waited_s:.0f} |")
        session, hits, labelled, picked, apart_px = self.session, 0, 0, 0, 0.0
        for name in session.files:
            picks_yx = session.selection.picks_of(name).centres_yx
            read_yx = read_coordinates(self.folder / "picks" / f"{name}.star").centres_yx
            assert len(read_yx) == len(picks_yx), name
            apart_px = max(apart_px, float(_nearest(picks_yx, read_yx).max(initial=0.0)))
            truth_yx, picked = self._truth(name), picked + len(read_yx)
            hits += int((_nearest(truth_yx, read_yx) <= self.options.particle / 2).sum())
            labelled += len(truth_yx)
        lines.append(
            f"\n{session.exporting.message}. Read back, they lie within {apart_px:.2f} px of those "
            f"in the window; {hits} of {labelled} particles of the truth are among the {picked}."
        )
        return "\n".join(lines)

    # where things are

    def _show(self, name: str) -> None:
        """Bring a dock to the front by its tab."""
        self.hand.click(self.hand.ask(lambda: self._tab(name)))
        time.sleep(READS_S)

    def _press(self, dock: str, button: str) -> None:
        """Press a button of a dock, which is brought to the front where it is not."""
        widget: Any = self.docks[dock]
        for part in button.split("."):
            widget = getattr(widget, part)
        if self.hand.ask(lambda: widget.native.visibleRegion().isEmpty()):
            self._show(dock)
        self.hand.wait(lambda: widget.enabled)
        self.hand.click(self.hand.ask(lambda: _middle(widget.native)))

    def _tab(self, name: str) -> QPoint:
        for bar in self.window.findChildren(QTabBar):
            for at in range(bar.count()):
                if bar.tabText(at) == name:
                    return bar.mapToGlobal(bar.tabRect(at).center())
        raise LookupError(name)

    def _house(self) -> QAbstractButton:
        return self.viewer.window._qt_viewer.viewerButtons.resetViewButton

    def _canvas(self) -> QPoint:
        """A place on the canvas below the middle, where no line covers it."""
        native = self.viewer.window._qt_viewer.canvas.native
        return self.hand.ask(
            lambda: native.mapToGlobal(QPoint(native.width() // 2, native.height() * 3 // 4))
        )

    def _at(self, place_yx: Sequence[float]) -> QPoint:
        """Where on the screen a place of the micrograph is drawn."""
        canvas, image = (
            self.viewer.window._qt_viewer.canvas,
            self.link.image_of(self.session.current),
        )

        def place() -> QPoint:
            world_yx = image.data_to_world(place_yx)
            x, y = canvas.view.scene.transform.map([world_yx[1], world_yx[0]])[:2]
            return canvas.native.mapToGlobal(QPoint(round(x), round(y)))

        return self.hand.ask(place)

    def _picture_in_gallery(self, row: int) -> QPoint:
        view = self.docks["Review"].view
        return view.viewport().mapToGlobal(view.place_of(row).center())

    def _look(self) -> None:
        """Look at the window for a moment; keep a picture if one is wanted."""
        time.sleep(READS_S)
        if (folder := self.options.pictures) is not None:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{len(self.hand.steps)}.png"
            self.hand.ask(lambda: self.window.screen().grabWindow(0).save(str(path)))

    # what the user sees

    def _truth(self, name: str) -> Any:
        with (self.options.folder / f"{name}.csv").open(newline="") as file:
            return np.array([(float(row["y"]), float(row["x"])) for row in csv.DictReader(file)])

    def _distances(self, places_yx: Any, name: str) -> Any:
        return _nearest(places_yx, self._truth(name))

    def _is_inner(self, places_yx: Any, name: str) -> Any:
        shape = np.array(self.session.micrographs[name].shape)
        return ((places_yx > EDGE_PX) & (places_yx < shape - EDGE_PX)).all(axis=1)


def _nearest(places_yx: Any, others_yx: Any, skipped: int = 0) -> Any:
    """(n,) distance to the nearest other place, or to the one after so many."""
    distances = np.hypot(*(places_yx[:, None] - others_yx[None]).transpose(2, 0, 1))
    return np.sort(distances, axis=1)[:, skipped]


def _middle(widget: Any) -> QPoint:
    return widget.mapToGlobal(widget.rect().center())


def _xdotool(*arguments: Any) -> None:
    subprocess.run(["xdotool", *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
