"""What the gallery of Review shows: of which micrographs, which picks, in which order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox

from napari_deepem.controllers.debounced_job import DebouncedJob
from napari_deepem.controllers.workers import Job
from napari_deepem.core.types import FloatArray
from napari_deepem.session import review_gallery
from napari_deepem.session.box_pictures import cutting
from napari_deepem.session.gallery_rows import EMPTY, Gallery, row_order
from napari_deepem.session.parameters import OF_PICKING, Order
from napari_deepem.session.peak_sizes import PeakSizes
from napari_deepem.session.readiness import why_gallery_is_empty
from napari_deepem.widgets.docks.dock import Dock
from napari_deepem.widgets.pictures.gallery import GalleryView
from napari_deepem.widgets.pictures.gallery_pictures import MOST_AT_ONCE
from napari_deepem.widgets.pictures.picture_zoom import Zoomed

THIS, ALL = "this micrograph", "all scored micrographs"
SUGGESTED, LASSOED = "suggested boxes", "what is in the lasso"
ORDERS: tuple[tuple[str, Order], ...] = (
    ("score, best first", "best"),
    ("score, worst first", "worst"),
    ("doubt, most first", "doubt"),
    ("doubt, least first", "sure"),
    ("std, highest first", "std_high"),
    ("std, lowest first", "std_low"),
    ("score peak, widest first", "peak_large"),
    ("score peak, narrowest first", "peak_small"),
    ("position, from the top", "position"),
)
HOW_ORDERED = (
    "Doubtful is what scores near the threshold: the most doubtful lie on both sides of it, all "
    "other orders show picks only. Std is the standard deviation of a box's pixels: contamination "
    "lies high. The peak of the scores on a large thing is wider than on a particle; its width is "
    "known of what was scored in this folder."
)
REFILLED_BY = ("candidates", "excluded", "review_order", "review_only_open")
FAST_MS = 40


class GalleryFilling:
    """The gallery that a Review dock is asked for: made, shown, and filled with pictures.

    `on_shown` is called when there is another gallery, or when verdicts were given on its rows.
    """

    def __init__(self, dock: Dock, view: GalleryView, on_shown: Callable[[], object]) -> None:
        self._session, self._view, self._pictures = dock.session, view, view.pictures
        self._on_shown = on_shown
        self._chosen = {SUGGESTED: EMPTY, LASSOED: EMPTY}  # galleries of certain candidates
        self._before = THIS  # the scope before that of a choice
        self.peak_sizes = PeakSizes()
        self._wanted: dict[str, FloatArray] = {}  # boxes to cut beside those in sight
        self._cut_of: tuple[Any, Any] = None, None  # the model and files of the boxes that are cut
        scopes = [THIS, ALL, SUGGESTED, LASSOED]
        self.scope = ComboBox(label="Show", choices=scopes, value=THIS)
        self.order = dock.control("review_order", choices=ORDERS, tooltip=HOW_ORDERED)
        self.only_open = dock.control("review_only_open")
        job = partial(DebouncedJob, dock.native, delay_ms=FAST_MS)
        self._galleries = job(self._gallery_job, self._on_gallery)
        self._rested = job(self._refill_at_rest, self._on_gallery)
        self._crops = job(self._crop_job, self._on_cut, on_progress=self._on_crops)
        view.scrolled.connect(self._crops.ask)
        view.follow_display(dock.session.display)
        self.scope.changed.connect(self.refill)
        events = dock.session.events
        for name in REFILLED_BY:
            dock.follow(events[name], self.refill)
        for name in OF_PICKING:  # by sliders, which have no time for a gallery that nobody sees
            dock.follow(events[name], self._rested.ask)
        dock.follow(events.current, self._on_current)
        dock.follow(events.files, self._forget)
        dock.follow(events.model, self._on_model)
        dock.follow(events.verdicts, self._on_verdicts)
        dock.follow_filter(self._on_filter)

    @property
    def names(self) -> list[str]:
        """The micrographs whose picks are shown: the current one, or all that are scored.

        Of a choice of picks: those that were shown before it.
        """
        session, scope = self._session, self.scope.value
        if (self._before if scope in self._chosen else scope) == THIS:
            return session.current_alone
        return [name for name in session.candidates if name not in session.excluded]

    def refill(self) -> None:
        """Show the gallery that is asked for, at once where that is quick."""
        if self.scope.value not in self._chosen:
            self._before = self.scope.value
        if self.scope.value in self._chosen:
            self._show(self._in_order(self._chosen[self.scope.value]))
        elif self._takes_time():
            self._galleries.ask()
        else:
            self._show(self._made_by(review_gallery.gallery))

    def _refill_at_rest(self) -> None:
        """Show the gallery by what sliders say now that they rest, and it is in sight."""
        self.refill()

    def show_suggested(self, gallery: Gallery) -> None:
        """Show what is suggested, in that order, and begin with its first."""
        self._choose(SUGGESTED, gallery)
        self._view.select_row(0)
        self._view.setFocus()

    def show_lassoed(self, gallery: Gallery) -> None:
        """Show what a lasso holds, all of it selected; without any what was shown before it."""
        self._choose(LASSOED if len(gallery) else self._before, gallery)
        if len(gallery):
            self._view.selectAll()

    def why_empty(self) -> str:
        """Why the gallery shows nothing, if so."""
        return why_gallery_is_empty(self._session, self.names, len(self._pictures.gallery))

    def _choose(self, scope: str, gallery: Gallery) -> None:
        if scope in self._chosen:
            self._chosen[scope] = gallery
        with self.scope.changed.blocked():
            self.scope.value = scope
        self.refill()

    # the gallery

    def _takes_time(self) -> bool:
        session = self._session
        has_many = self.scope.value == ALL and len(session.candidates) > 1
        return has_many or session.review_order in ("peak_large", "peak_small")

    def _gallery_job(self) -> Job | None:
        if self.scope.value in self._chosen or not self._takes_time():
            return None  # by now: the gallery of that is shown already
        by_peak = self._session.review_order in ("peak_large", "peak_small")
        sizes = self.peak_sizes if by_peak else None
        return self._made_by(partial(review_gallery.making_gallery, peak_sizes=sizes))

    def _made_by(self, make: Callable[..., Any]) -> Any:
        session = self._session
        return make(session, self.names, session.review_order, only_open=session.review_only_open)

    def _on_gallery(self, gallery: Gallery) -> None:
        if self.scope.value not in self._chosen and self._takes_time():
            self._show(gallery)

    def _in_order(self, gallery: Gallery) -> Gallery:
        if self.scope.value == SUGGESTED:  # what teaches most is first
            return gallery
        session = self._session
        thresholds = review_gallery.thresholds_of(session, gallery)
        return gallery.at(row_order(gallery, session.review_order, thresholds))

    def _show(self, gallery: Gallery) -> None:
        verdicts = review_gallery.verdicts_on(self._session, gallery)
        order = self._session.review_order
        if order.startswith("std"):
            self._pictures.show(gallery, verdicts, gallery.stds)
        elif order.startswith("peak") and self.scope.value != SUGGESTED:
            self._pictures.show(gallery, verdicts, gallery.peaks_px, digits=0)
        else:
            self._pictures.show(gallery, verdicts, gallery.scores)
        self._crops.ask()
        self._on_shown()

    # pictures

    def zoomed(self, gallery: Gallery, row: int) -> Zoomed | None:
        """A row of any gallery to look at closely; a picture that there is not yet is cut."""
        if self._pictures.lacks(gallery, row):
            rows = np.flatnonzero(gallery.which == gallery.which[row])
            bare = [each for each in rows.tolist() if self._pictures.lacks(gallery, each)]
            bare.sort(key=lambda each: each != row)
            self._wanted = {gallery.name_of(row): gallery.centres_yx[bare[:MOST_AT_ONCE]]}
            self._crops.ask()
        return self._pictures.zoomed(gallery, row)

    def _crop_job(self) -> Job | None:
        if self._session.model is None:
            return None
        missing = {**self._wanted, **self._pictures.missing(self._view.rows_in_sight())}
        self._wanted = {}
        self._cut_of = self._session.model, self._session.files
        return cutting(self._session, missing) if missing else None

    def _on_crops(self, cut: Any) -> None:
        model, files = self._cut_of
        if model is self._session.model and files is self._session.files:
            self._pictures.add(*cut)
            self._view.redraw()

    def _on_cut(self, _: None) -> None:
        self._crops.ask()  # until nothing is missing

    # changes

    def _on_current(self) -> None:
        if self.scope.value == THIS:
            self.refill()

    def _on_filter(self) -> None:
        self._pictures.forget_pictures()
        self._view.redraw()
        self._crops.ask()

    def _forget(self) -> None:
        """Forget pictures and choices: in another series micrographs may have the same names."""
        self._pictures.forget_pictures()
        self._chosen = dict.fromkeys(self._chosen, EMPTY)
        with self.scope.changed.blocked():
            self.scope.value = self._before

    def _on_model(self) -> None:
        self._forget()
        self.refill()

    def _on_verdicts(self) -> None:
        """Show verdicts; where only what has none is wanted, take those away that have one now."""
        gallery = self._pictures.gallery
        verdicts = review_gallery.verdicts_on(self._session, gallery)
        if self._session.review_only_open and self.scope.value not in self._chosen:
            if verdicts.any():
                self._show(gallery.only(verdicts == 0))
            else:  # one was taken back
                self.refill()
            return
        self._pictures.verdicts = verdicts
        self._view.redraw()
        self._on_shown()
