"""Make the animation of the README, docs/images/story.webp, from the embedded sample.

Run it as `make_screenshots.py`, whose window it uses. It goes from the first proposal to picks that
are mended by hand, and takes a frame of the window wherever something changes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from make_screenshots import IMAGES, Story, begin_anew, settle, wait_until
from PIL import Image, ImageDraw, ImageFont, ImageQt
from qtpy.QtWidgets import QDockWidget

from napari_deepem.core.geometry import nearest_distances
from napari_deepem.core.simulation import SAMPLE_BOX_PX
from napari_deepem.core.types import FloatArray
from napari_deepem.session.picks_by_hand import add_pick, remove_picks

WIDTH = 800  # of the animation, px
CAPTION = 34  # height, px
QUALITY = 40  # of WebP: the noise of a micrograph takes most of it
SHORT, LONG = 350, 2000  # ms that a frame is seen
NAPARIS = ("layer controls", "layer list")  # docks
JUDGED = 10  # proposals
NEAR_BOXES = 0.25  # a pick so near to a particle is right


class Film(Story):
    """The story in one window, and its frames.

    Napari's own docks are hidden, so that words can be read at the width of the animation.
    """

    size = (1000, 800)

    def __init__(self, folder: Path, out: Path) -> None:
        super().__init__(folder, out)
        for dock in self.window.findChildren(QDockWidget):
            if dock.objectName() in NAPARIS:
                dock.hide()
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []

    def tell(self) -> None:
        """From the first proposal to picks that are mended."""
        self.session.box_size_px = SAMPLE_BOX_PX
        self.propose()
        self.judge()
        self.train()
        self.drag()
        self.mend()
        self.link.autosave.close()
        self.viewer.close()

    def propose(self) -> None:
        """What the general network takes for particles on two micrographs."""
        proposals = self.show("Annotate").proposals
        self.viewer.reset_view()
        self.take("A micrograph, and the size of a box", LONG)
        for name in ("klh_02", "klh_01"):
            self.go_to(name)
            proposals.propose.native.click()
            wait_until(lambda: self.session.current_scored is not None)
        settle(1.0)
        self.take("K: the general network proposes particles", LONG)

    def judge(self) -> None:
        """Verdicts on some proposals, from the best to the most doubtful."""
        dock = self.show("Review")
        for name in ("klh_02", "klh_01"):
            self.go_to(name)
            settle(1.0)
            assert self.session.picks is not None
            for row in np.linspace(0, len(self.session.picks) - 1, JUDGED).astype(int):
                dock.view.select_row(int(row))
                is_right = self.is_right(dock.pictures.gallery.centres_yx[row])
                (dock.accept if is_right else dock.reject).native.click()
                if name == "klh_01":
                    self.take("A accepts, R rejects", SHORT)

    def train(self) -> None:
        """A network of one's own, from the verdicts."""
        self.viewer.reset_view()
        dock, session = self.show("Train"), self.session
        session.epochs = 20
        dock.train.native.click()
        for epoch in range(2, 20, 3):
            wait_until(lambda epoch=epoch: len(session.history) >= epoch)
            self.take("A small network learns from that", SHORT)
        wait_until(lambda: not session.training.running)
        assert session.model is not None, session.training.message

    def drag(self) -> None:
        """The threshold, moved up and down on a micrograph that was not trained on."""
        self.go_to("klh_03")
        dock = self.show("Pick")
        dock.score.native.click()
        wait_until(lambda: self.session.current_scored is not None)
        settle(1.0)
        self.viewer.reset_view()
        best = self.session.threshold
        self.take("It picks another micrograph", LONG)
        for threshold in (*np.linspace(best, 0.95, 5), *np.linspace(0.95, 0.05, 8), best):
            self.session.threshold = float(threshold)
            self.take("Drag the threshold: the picks follow", SHORT)

    def mend(self) -> None:
        """A wrong pick taken away, and a missed particle added: those farthest from all others."""
        self.link.mouse_tools.use("picks")
        session, particles_yx = self.session, self.truth_yx[str(self.session.current)]
        assert session.picks is not None
        worst = int(nearest_distances(session.picks.centres_yx, particles_yx).argmax())
        remove_picks(session, [worst])
        self.take("D takes a pick away", LONG)
        missed = int(nearest_distances(particles_yx, session.picks.centres_yx).argmax())
        add_pick(session, particles_yx[missed])
        self.take("A click adds one, shown as a circle", 2 * LONG)

    def is_right(self, position_yx: FloatArray) -> bool:
        """Whether a particle of the current micrograph lies there."""
        particles_yx = self.truth_yx[str(self.session.current)]
        away_px = nearest_distances(position_yx[np.newaxis], particles_yx)[0]
        return bool(away_px < NEAR_BOXES * SAMPLE_BOX_PX)

    def take(self, caption: str, milliseconds: int) -> None:
        """Take a frame, with a line below that says what is done."""
        settle()
        window = ImageQt.fromqpixmap(self.window.grab())
        window = window.resize((WIDTH, WIDTH * window.height // window.width), Image.Resampling.BOX)
        frame = Image.new("RGB", (WIDTH, window.height + CAPTION), "#262930")
        frame.paste(window)
        middle = (WIDTH // 2, window.height + CAPTION // 2)
        font = ImageFont.load_default(20)
        ImageDraw.Draw(frame).text(middle, caption, "white", font, anchor="mm")
        self.frames.append(frame)
        self.durations.append(milliseconds)

    def write(self, path: Path) -> None:
        """Write the animation, which begins anew at its end."""
        first, *others = self.frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.durations,
            loop=0,
            quality=QUALITY,
            method=6,
        )


def main() -> None:
    """Tell the story and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        begin_anew(Path(temporary), "dark")
        folder = Path(temporary) / "klh"
        folder.mkdir()
        film = Film(folder, options.out)
        film.tell()
    film.write(options.out / "story.webp")


if __name__ == "__main__":
    main()
