"""Walk through the whole story in a real window, and tell of every step how long it stood still.

    python benchmarks/stalls.py                   # where there is a display
    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/stalls.py

From a cold start, in a window of 1280 x 800 px: all docks, the sample, a folder of 50 simulated
micrographs of 4096 x 4096 px, labels by mouse, a proposal, the gallery, verdicts, a training,
sliders, pages, files. Prints a table with a line a step: of the turns of the loop of events, the
99th percentile and the longest, milliseconds; after the stroke what the window's thread itself
took of a processor in a turn, which other programs lengthen less; beside it the longest turn that
napari takes of a processor for the same without a plugin (`napari_alone.py`, run before); and what
went on in the longest, if that is more than 100 ms. `--json` prints the same for programs,
`--micrographs 6` is a quick look, `--no-floor` leaves napari alone out. Without a graphics card the
processor draws, which the table counts as well. Modules are compiled before, as an installation
does it.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from event_loop_probe import Probe, Step

PLUGIN = "napari-deepem"
COUNT, SIDE, DIFFERENT = 50, 4, 4  # micrographs, each of 4 x 4 of the sample's, and how many differ
CLICKS, VERDICTS, PAGES, EPOCHS, MOVES = 10, 10, 10, 3, 60


def main() -> None:
    """Walk, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micrographs", type=int, default=COUNT)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-floor", action="store_true")
    options = parser.parse_args()
    compile_modules()
    floor = {} if options.no_floor else napari_alone()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "micrographs"
        folder.mkdir()
        places_yx = write_series(folder, options.micrographs)
        steps = walk(folder, places_yx)
    if options.json:
        told = {step.name: step.figures() for step in steps}
        print(json.dumps({**told, "napari alone, longest, of a processor": floor}, indent=2))
    else:
        print(table(steps, floor))


def compile_modules() -> None:
    """Compile our modules, as pip does; an environment may tell Python to keep nothing of that."""
    package = find_spec("napari_deepem")
    if package is not None and package.origin is not None:
        compileall.compile_dir(Path(package.origin).parent, quiet=1)


def napari_alone() -> dict[str, float]:
    """The longest turns of napari without a plugin, by step, ms of a processor."""
    script = Path(__file__).with_name("napari_alone.py")
    done = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True)
    floor: dict[str, float] = json.loads(done.stdout[done.stdout.index("{") :])
    return floor


def write_series(folder: Path, count: int) -> Any:
    """Write MRC files, of which few differ and the others are links; returns where particles are.

    It runs in a process of its own, so that the window starts as cold as a user's.
    """
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import stalls; from pathlib import Path; "
        "stalls.simulate(Path(sys.argv[2]), int(sys.argv[3]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(folder), str(count)],
        check=True,
    )
    places = folder.parent / "places.json"
    return json.loads(places.read_text())


def simulate(folder: Path, count: int) -> None:
    """Write the series, and the (row, col) of the particles of its first micrograph beside it."""
    from napari_deepem.core.simulation import SAMPLE_PIXEL_SIZE, simulate_sample
    from napari_deepem.io.images import write_image

    sample = simulate_sample(count=DIFFERENT)
    side = len(sample[0].micrograph.image)
    for number in range(count):
        path, same = (
            folder / f"large_{number:02}.mrc",
            folder / f"large_{number % DIFFERENT:02}.mrc",
        )
        if number >= DIFFERENT:
            os.link(same, path)
            continue
        order = np.roll(np.resize(np.arange(DIFFERENT), SIDE**2), number).reshape(SIDE, SIDE)
        rows = [np.hstack([sample[at].micrograph.image for at in row]) for row in order]
        write_image(path, np.vstack(rows), SAMPLE_PIXEL_SIZE)
        if number == 0:
            truth_yx = [
                sample[at].truth_yx + side * np.array(place) for place, at in np.ndenumerate(order)
            ]
            (folder.parent / "places.json").write_text(json.dumps(np.vstack(truth_yx).tolist()))


def walk(folder: Path, places_yx: list[list[float]]) -> list[Step]:
    """The steps of the whole story."""
    import napari

    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window._qt_window.resize(1280, 800)  # napari has no public way to size its window
    probe = Probe()
    probe.rest(5.0)  # until all of the window itself is there and drawn
    with probe.step("(a window of napari at rest)"):
        probe.rest(2.0)
    Story(viewer, probe, folder, places_yx).tell()
    probe.end()
    return probe.steps


class Story:
    """A user in one window."""

    def __init__(
        self, viewer: Any, probe: Probe, folder: Path, places_yx: list[list[float]]
    ) -> None:
        self.viewer, self.probe, self.folder, self.places_yx = viewer, probe, folder, places_yx
        self.docks: dict[str, Any] = {}

    def tell(self) -> None:
        """From a cold start to the files."""
        self.open()
        self.label()
        self.propose()
        self.review()
        self.train()
        self.pick()
        self.turn_pages()
        self.export()
        with self.probe.step("close"):
            self.viewer.window._qt_window.close()  # what its button does; `Viewer.close` does more

    def open(self) -> None:
        """All docks, the sample, the folder."""
        probe = self.probe
        for name in ("Micrographs", "Annotate", "Train", "Pick", "Review", "Export"):
            with probe.step(f"open {name}"):
                self.show(name)
                probe.rest(0.5)
        probe.rest(3.0)  # a user looks first

        from napari_deepem.controllers.viewer_link import link_of
        from napari_deepem.core.simulation import SAMPLE_BOX_PX

        self.link = link_of(self.viewer)
        self.session = session = self.link.session
        with probe.step("open the sample"):
            self.viewer.open_sample(PLUGIN, "klh_labelled")
            probe.until(lambda: not session.opening.running)
            probe.rest()
        self.viewer.layers.clear()
        self.show("Micrographs")
        probe.rest()
        with probe.step("open the folder"):
            self.link.autosave.open_folder(self.folder)
            probe.until(
                lambda: session.current in session.micrographs and not self.link.autosave.message
            )
            probe.rest(3.0)
        session.box_size_px = SAMPLE_BOX_PX

    def label(self) -> None:
        """The first click, and some more, on two micrographs."""
        probe, session = self.probe, self.session
        annotate = self.show("Annotate")
        probe.rest()
        with probe.step("take the tool"):
            annotate.tools["positive"].native.click()
            probe.rest(0.5)
        spots = self.spots(CLICKS + 1)
        with probe.step("first click"):
            self.click(spots[0])
            probe.until(lambda: len(session.labels_of(session.current).positive_yx) == 1)
            probe.rest()
        with probe.step(f"{CLICKS} more clicks"):
            for spot in spots[1:]:
                self.click(spot)
                probe.rest(0.3)

    def propose(self) -> None:
        """Particles of the general network on the micrograph in view."""
        probe, session = self.probe, self.session
        annotate = self.docks["Annotate"]
        with probe.step("propose particles"):
            annotate.proposals.propose.native.click()
            probe.until(lambda: session.proposing.running or session.scoring.running)
            probe.until(
                lambda: (
                    not session.proposing.running
                    and not session.scoring.running
                    and session.picks is not None
                )
            )
            probe.rest()

    def review(self) -> None:
        """The gallery, and verdicts by keys."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        probe, session = self.probe, self.session
        with probe.step("first page of the gallery"):
            review = self.show("Review")
            probe.rest(4.0)
        with probe.step(f"{VERDICTS} verdicts by keys"):
            view = review.view
            view.setFocus()
            for number in range(VERDICTS):
                QTest.keyClick(view, Qt.Key.Key_Right)
                QTest.keyClick(view, Qt.Key.Key_A if number % 2 else Qt.Key.Key_R)
                probe.rest(0.3)
        assert session.verdicts, "no verdict was given"

    def train(self) -> None:
        """A training on the labels and verdicts."""
        probe, session = self.probe, self.session
        train = self.show("Train")
        session.epochs = EPOCHS
        probe.rest()
        with probe.step("train: until the first epoch"):
            train.train.native.click()
            probe.until(lambda: len(session.history) > 0 or not session.training.running)
        with probe.step("train: epochs"):
            probe.until(lambda: not session.training.running)
            probe.rest()
        assert session.trained_model is not None, session.training.message

    def pick(self) -> None:
        """Scores, and sliders."""
        probe, session = self.probe, self.session
        pick = self.show("Pick")
        probe.rest()
        with probe.step("score"):
            pick.score.native.click()
            probe.until(lambda: session.scoring.running)
            probe.until(lambda: not session.scoring.running)
            probe.rest()
        low, high = session.std_range
        with probe.step("drag the threshold"):
            for at in np.sin(np.linspace(0, 6.28, MOVES)):
                pick.by_score.slider.value = 0.4 + 0.39 * at
                probe.rest(0.02)
            probe.rest()
        with probe.step("drag the std range"):
            for at in np.sin(np.linspace(0, 3.14, MOVES)):
                pick.std_range.value = (low + 0.1 * at, high - 0.2 * at)
                probe.rest(0.02)
            probe.rest()

    def turn_pages(self) -> None:
        """The next micrograph, ten times, and back."""
        probe, session = self.probe, self.session
        self.show("Micrographs")
        probe.rest()
        with probe.step(f"next micrograph, {PAGES} times"):
            for _ in range(min(PAGES, len(session.files) - 1)):
                self.link.navigation.step(1)
                probe.until(lambda: session.current in session.micrographs)
                probe.rest(1.0)
        with probe.step("back to the first"):
            self.link.navigation.go_to(next(iter(session.files)))
            probe.until(lambda: session.current in session.micrographs)
            probe.rest()

    def export(self) -> None:
        """The picks as files."""
        probe = self.probe
        export = self.show("Export")
        probe.rest()
        with probe.step("export"):
            export.save.native.click()
            probe.until(lambda: export.status.value.startswith("Wrote"))
            probe.rest()

    def show(self, name: str) -> Any:
        """A dock, opened or brought to the front."""
        if name in self.docks:
            self.docks[name].native.parent().raise_()
        else:
            _, self.docks[name] = self.viewer.window.add_plugin_dock_widget(
                PLUGIN, name, tabify=True
            )
        return self.docks[name]

    def spots(self, count: int) -> list[Any]:
        """Where on the canvas so many particles are drawn, some way from its edges."""
        from qtpy.QtCore import QPoint

        canvas = self.viewer.window._qt_viewer.canvas
        image = self.link.image_of(self.session.current)
        places = []
        for place in self.places_yx:
            row, col = image.data_to_world(place)
            x, y = canvas.view.scene.transform.map([col, row])[:2]
            if 20 < x < canvas.native.width() - 20 and 20 < y < canvas.native.height() - 20:
                places.append(QPoint(round(x), round(y)))
        return places[:: max(1, len(places) // count)][:count]

    def click(self, spot: Any) -> None:
        """Press and let go on the canvas."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        canvas, left = self.viewer.window._qt_viewer.canvas.native, Qt.MouseButton.LeftButton
        QTest.mouseMove(canvas, spot)
        QTest.mouseClick(canvas, left, Qt.KeyboardModifier.NoModifier, spot)


def table(steps: list[Step], floor: dict[str, float]) -> str:
    """The steps as a table in Markdown."""
    lines = [
        "| step | turns | 99th percentile, ms | longest, ms | napari alone, ms of a processor "
        "| over 100 ms | what the longest was |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for step in steps:
        of = step.figures()
        ninety_ninth, longest = (
            f"{of[name]:.0f} / {of[name + ', of a processor']:.0f}"
            for name in ("99th percentile", "longest")
        )
        culprit = step.stalls[0].culprit if step.stalls else ""
        alone = f"{floor[step.name]:.0f}" if step.name in floor else ""
        lines.append(
            f"| {step.name} | {of['turns']} | {ninety_ninth} | {longest} | {alone} "
            f"| {len(step.stalls)} | {culprit} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
