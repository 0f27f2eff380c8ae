"""The pictures of a gallery's candidates, as far as they are cut, and what is told of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPixmap

from napari_deepem.core.types import FloatArray
from napari_deepem.session.gallery_rows import EMPTY, Gallery
from napari_deepem.widgets.pictures.picture_strip import grey_image
from napari_deepem.widgets.pictures.picture_zoom import Zoomed, box_part

KEPT = 40_000  # pictures in memory, some kB each
KEPT_DRAWN = 6_000  # of these as they are drawn
MOST_AT_ONCE = 1000  # of one micrograph: keeping them takes the window's time
FEW = 4  # micrographs that are read before looking again at what is in sight
NO_VERDICTS = np.empty(0, dtype=np.int8)
Key = tuple[str, float, float]


class GalleryPictures:
    """The gallery that is shown, the verdicts on its rows, and the pictures that were cut."""

    shown = Signal()  # another gallery

    def __init__(self) -> None:
        self.gallery: Gallery = EMPTY
        self.verdicts: NDArray[np.int8] = NO_VERDICTS
        self._figures: FloatArray = np.empty(0)  # (n,) what is written below each
        self._digits = 2
        self._pictures: dict[Key, NDArray[np.uint8]] = {}
        self._drawn: dict[Key, QPixmap] = {}
        self._drawn_px = 0

    def show(
        self, gallery: Gallery, verdicts: NDArray[np.int8], figures: FloatArray, digits: int = 2
    ) -> None:
        """Show another gallery.

        Parameters
        ----------
        gallery : Gallery
        verdicts : (n,) array
            On its rows: 1 accepted, -1 rejected, 0 none.
        figures : (n,) array
            What is written below each picture, with so many `digits`; NaN: not known.
        """
        self.gallery, self.verdicts = gallery, verdicts
        self._figures, self._digits = figures, digits
        self.shown.emit()

    def forget_pictures(self) -> None:
        """Forget all pictures that were cut: another model has another box, or binning."""
        self._pictures.clear()
        self._drawn.clear()

    def picture(self, row: int) -> QImage | None:
        """The picture of a row with its surroundings; None while it is not cut."""
        pixels = self._pictures.get(_key(self.gallery, row))
        return None if pixels is None else grey_image(pixels)

    def drawn(self, row: int, side_px: int, ratio: float) -> QPixmap | None:
        """The picture of a row as it is drawn; None while it is not cut.

        `side_px` is in pixels of a screen of which each has `ratio` times `ratio` of the device's.
        """
        device_px = round(side_px * ratio)
        if device_px != self._drawn_px or len(self._drawn) > KEPT_DRAWN:
            self._drawn.clear()
            self._drawn_px = device_px
        key = _key(self.gallery, row)
        pixmap = self._drawn.get(key)
        if pixmap is None and (pixels := self._pictures.get(key)) is not None:
            smooth = Qt.TransformationMode.SmoothTransformation
            aspect = Qt.AspectRatioMode.IgnoreAspectRatio
            size = QSize(device_px, device_px)
            image = grey_image(pixels)
            box = image.copy(box_part(image).toRect())
            pixmap = QPixmap.fromImage(box.scaled(size, aspect, smooth))
            pixmap.setDevicePixelRatio(ratio)
            self._drawn[key] = pixmap
        return pixmap

    def figure_of(self, row: int) -> str:
        """What is written below the picture of a row."""
        figure = self._figures[row]
        return "?" if np.isnan(figure) else f"{figure:.{self._digits}f}"

    def zoomed(self, gallery: Gallery, row: int) -> Zoomed | None:
        """A gallery's row to look at closely, with its figures; None while it is not cut."""
        pixels = self._pictures.get(_key(gallery, row))
        score, std = gallery.scores[row], gallery.stds[row]
        text = f"{gallery.name_of(row)}: score {score:.3f}, std {std:.2f}"
        return None if pixels is None else Zoomed(grey_image(pixels), text)

    def lacks(self, gallery: Gallery, row: int) -> bool:
        """Whether the picture of a gallery's row is still to be cut."""
        return _key(gallery, row) not in self._pictures

    def missing(self, rows: range) -> dict[str, FloatArray]:
        """The centres that have no picture, by micrograph: a few of those of which `rows` lack one.

        Each is (n, 2), those in `rows` first. A micrograph that has to be read gives more than
        those: reading takes long, cutting one more box does not.
        """
        gallery = self.gallery
        bare_rows = [row for row in rows if row < len(gallery) and self.lacks(gallery, row)]
        missing_yx = {}
        for index in list(dict.fromkeys(gallery.which[bare_rows].tolist()))[:FEW]:
            chosen = [row for row in bare_rows if gallery.which[row] == index]
            for row in np.flatnonzero(gallery.which == index).tolist():
                if len(chosen) >= MOST_AT_ONCE:
                    break
                if row not in rows and self.lacks(gallery, row):
                    chosen.append(row)
            missing_yx[gallery.names[index]] = gallery.centres_yx[chosen]
        return missing_yx

    def add(self, name: str, centres_yx: FloatArray, pictures: NDArray[np.uint8]) -> None:
        """Keep the (n, side, side) pictures of (n, 2) centres on a micrograph."""
        if len(self._pictures) > KEPT:
            self.forget_pictures()
        keys = ((name, row, col) for row, col in centres_yx.tolist())
        self._pictures.update(zip(keys, pictures, strict=True))


def _key(gallery: Gallery, row: int) -> Key:
    row_px, col_px = gallery.centres_yx[row].tolist()
    return gallery.name_of(row), row_px, col_px
