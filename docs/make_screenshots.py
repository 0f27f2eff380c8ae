"""Make the pictures of the user guide, docs/images/*.png, from the embedded sample.

Run it where there is a display, or under a virtual one: `xvfb-run -s "-screen 0 1600x1000x24"
python docs/make_screenshots.py`. To look at the docks in the other theme: `--theme light --out
folder`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import QPoint, QRect, QSettings
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QApplication, QWidget

from napari_deepem.controllers.folder_drop import add_dock
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.simulation import SAMPLE_BOX_PX, simulate_sample
from napari_deepem.core.types import FloatArray, Labels
from napari_deepem.io.images import write_image
from napari_deepem.widgets.windows import DOCKS

IMAGES = Path(__file__).parent / "images"
COUNT = 5  # micrographs
LABELLED = 20  # on each of the first two
EXACT = 160  # colours of a picture


def main() -> None:
    """Go through the whole story once and take the pictures on the way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        begin_anew(Path(temporary), options.theme)
        folder = Path(temporary) / "klh"
        folder.mkdir()
        Story(folder, options.out).tell()


def begin_anew(folder: Path, theme: str) -> None:
    """Keep settings in a folder: pictures are a newcomer's, and the user's own settings stay."""
    get_settings(folder / "napari.yaml").appearance.theme = theme
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))


class Story:
    """One window, and where its pictures go."""

    size = (1280, 800)  # of the window, px

    def __init__(self, folder: Path, out: Path) -> None:
        self.out = out
        self.truth_yx = write_series(folder)
        self.viewer = napari.Viewer(show=False)
        self.viewer.show()
        self.window = self.viewer.window._qt_window  # napari has no public way to size its window
        self.docks = {name: add_dock(self.viewer, name) for name in DOCKS}
        settle()
        self.window.resize(*self.size)
        self.link = link_of(self.viewer)
        self.session = self.link.session
        self.link.autosave.open_folder(folder)
        wait_until(lambda: bool(self.session.micrographs) and not self.link.autosave.message)

    def tell(self) -> None:
        """From the first proposal to the files."""
        self.propose()
        self.annotate()
        self.train()
        self.pick()
        self.review()
        self.pick_all()
        self.export()
        self.link.autosave.close()
        self.viewer.close()

    def propose(self) -> None:
        """Boxes to choose from, and particles, before anything is labelled; then neither."""
        proposals, session = self.show("Annotate").proposals, self.session
        proposals.propose_box.native.click()
        wait_until(lambda: bool(session.box_choices))
        proposals.boxes.buttons[0].click()
        self.picture("Annotate", "propose_box")
        proposals.propose.native.click()
        wait_until(lambda: session.current_scored is not None)
        settle(2.0)
        self.grab_window("window_propose")
        session.model, session.box_choices = None, ()

    def annotate(self) -> None:
        """Labels on two micrographs, the first of them in sight."""
        dock, session = self.show("Annotate"), self.session
        session.box_size_px = SAMPLE_BOX_PX
        first_yx = list(self.truth_yx.items())[:2]
        session.labels = {name: Labels.of(centres[:LABELLED]) for name, centres in first_yx}
        self.link.mouse_tools.use("positive")
        settle()
        self.picture("Annotate")
        self.grab_window("window_annotate")
        dock.tools["positive"].native.click()

    def train(self) -> None:
        """A training, with its curves."""
        dock, session = self.show("Train"), self.session
        wait_until(lambda: session.suggested_box_px is not None)
        session.epochs = 20
        dock.train.native.click()
        wait_until(lambda: len(session.history) >= 12)
        self.picture("Train")
        wait_until(lambda: not session.training.running)
        assert session.model is not None, session.training.message

    def pick(self) -> None:
        """Another micrograph, scored, with the plots to tune on."""
        session = self.session
        self.go_to("klh_03")
        dock = self.show("Pick")
        dock.score.native.click()
        wait_until(lambda: session.current_scored is not None)
        self.viewer.layers.selection.active = self.viewer.layers["Picks"]
        settle(2.0)
        self.picture("Pick")
        self.grab_window("window")

    def review(self) -> None:
        """Verdicts on what the network doubts most, and a second round."""
        session, dock = self.session, self.show("Review")
        dock.order.value = "doubt"
        settle(2.0)
        dock.view.select_row(0)
        for row in range(8):
            away_yx = self.truth_yx["klh_03"] - dock.pictures.gallery.centres_yx[row]
            is_particle = np.linalg.norm(away_yx, axis=1).min() < SAMPLE_BOX_PX / 4
            (dock.accept if is_particle else dock.reject).native.click()
        dock.train_again.native.click()
        wait_until(lambda: not session.training.running)
        wait_until(lambda: session.current_scored is not None)
        settle(2.0)
        dock.view.select_row(9)
        settle(2.0)
        self.viewer.layers.selection.active = self.viewer.layers["klh_03"]
        self.picture("Review")
        self.grab_window("window_review")

    def pick_all(self) -> None:
        """The table of all micrographs, with plots."""
        session, dock = self.session, self.show("Micrographs")
        dock.pick_all.native.click()
        wait_until(lambda: not session.scoring.running and len(session.candidates) == COUNT)
        dock.plots.value = True
        settle(2.0)
        self.picture("Micrographs")
        self.grab_window("window_micrographs")

    def export(self) -> None:
        """What is to be written where."""
        dock = self.show("Export")
        dock.scope.value = "all but the excluded"
        dock.formats["box"].value = True
        dock.destination.value = Path("/data/klh/picks")
        self.picture("Export")

    def go_to(self, name: str) -> None:
        """Turn to another micrograph."""
        self.link.navigation.go_to(name)
        wait_until(lambda: name in self.session.micrographs)
        settle()

    def show(self, name: str) -> Any:
        """Bring a dock to the front of its tabs."""
        dock = self.docks[name]
        dock.native.parent().raise_()
        settle()
        return dock

    def picture(self, name: str, file_name: str = "") -> None:
        """Save a picture of one dock, down to where it is empty; named as it is by default."""
        settle()
        native = self.docks[name].native
        frame = native.parent()
        seen = [
            each
            for each in native.findChildren(QWidget)
            if each.isVisible() and not each.findChildren(QWidget)
        ]
        used = max(each.mapTo(frame, QPoint(0, each.height())).y() for each in seen)
        height = min(used + 8, frame.height())
        save(
            frame.grab(QRect(0, 0, frame.width(), height)),
            self.out / f"{file_name or name.lower()}.png",
        )

    def grab_window(self, name: str) -> None:
        """Save a picture of the whole window."""
        save(self.window.grab(), self.out / f"{name}.png")


def write_series(folder: Path) -> dict[str, FloatArray]:
    """Write simulated micrographs as MRC files; returns where their particles are."""
    sample = simulate_sample(count=COUNT)
    for each in sample:
        image, name = each.micrograph.image, each.micrograph.name
        write_image(folder / f"{name}.mrc", image, each.micrograph.pixel_size)
    return {each.micrograph.name: each.truth_yx for each in sample}


def save(pixmap: QPixmap, path: Path) -> None:
    """Save a picture in 256 colours, common and bright ones exactly: noise needs no more."""
    pixmap.save(str(path))
    with Image.open(path) as image:
        colors = image.convert("RGB")
    counts = colors.getcolors(colors.width * colors.height) or []
    counts.sort(key=lambda each: each[0] * (4 + max(each[1]) - min(each[1])), reverse=True)
    exact = [value for _, color in counts[:EXACT] for value in color]
    others = colors.quantize(256 - EXACT, dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(exact + others[: 3 * 256 - len(exact)])
    colors.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def settle(seconds: float = 0.5) -> None:
    """Let the window draw itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def wait_until(happened: Callable[[], bool], seconds: float = 900.0) -> None:
    """Let the window work until something has happened."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        settle(0.05)


if __name__ == "__main__":
    main()
