"""The Micrographs dock: a folder as a series, how far one has got, and what all of it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, ComboBox
from napari.utils.theme import get_theme
from qtpy.QtCore import QItemSelectionModel, QTimer
from qtpy.QtWidgets import QFileDialog, QSizePolicy

from napari_deepem.controllers.key_bindings import with_keys
from napari_deepem.controllers.thumbnails import Thumbnails
from napari_deepem.controllers.workers import work_on
from napari_deepem.core.wording import counted
from napari_deepem.session.parameters import OF_PICKING
from napari_deepem.session.readiness import why_not_exclude, why_not_score_all
from napari_deepem.session.series import why_failed
from napari_deepem.widgets.docks.dock import (
    Dock,
    button,
    enable,
    enable_running,
    form,
    holder,
    lock,
    row,
    tell,
    text_line,
)
from napari_deepem.widgets.docks.gap_bar import progress_bar, with_bar
from napari_deepem.widgets.docks.pixel_size_field import pixel_size_field
from napari_deepem.widgets.pictures.micrograph_table import ALL, NAME, MicrographTable
from napari_deepem.widgets.pictures.micrograph_table_view import MicrographTableView
from napari_deepem.widgets.plots.series_overview import SeriesOverview

NOTHING_OPEN = "Open a folder of micrographs, or of a run's picks, or drop one onto the window."
WHAT_PICKING_ALL_DOES = (
    "Scores and picks every micrograph that is not scored yet, in the background."
)
WHAT_EXCLUDING_DOES = "Excluded micrographs are neither trained on, picked nor exported."
WHAT_APART_DOES = "What you do is kept in your home, and joined when the folder is free."
CAMERA_STAYS = "What you have zoomed in to stays in view; the house below the layers shows all."
LATER_MS = 500  # many changes are shown at once
STEP_MS = 8  # of work between two looks at what the user does


class Micrographs(Dock):
    """The dock that lists the micrographs of a series and picks all of them."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.open = button(
            "Open folder ...", self._choose_folder, "Lists its micrographs, or those of a run."
        )
        self.previous = button("Previous", lambda: self.link.navigation.step(-1))
        self.next = button("Next", lambda: self.link.navigation.step(1))
        for arrow, where in ((self.previous, "above"), (self.next, "below")):
            effect = f"To the one {where}. {CAMERA_STAYS}"
            arrow.tooltip = with_keys(effect, f"{arrow.text.lower()}_micrograph")
        choices = [(f"Show {state}", state) for state in ("all", *ALL)]
        self.states = ComboBox(choices=choices, tooltip="Which micrographs are listed.")
        self.states.changed.connect(self._filter)
        self.status = text_line("status")
        self.apart = button("Work on my own", self.link.autosave.work_apart, WHAT_APART_DOES)
        self.pixel_size = pixel_size_field(self)
        self.table = MicrographTable(self.session)
        self.view = self._table_view()
        self.thumbnails = Thumbnails(self.session, self.table.add_picture)
        self.exclude = button("Exclude", self._exclude)
        self.pick_all = button("Pick all", self._pick_all)
        self.stop = button("Stop", self.link.scoring.cancel)
        self.progress = progress_bar()
        self.activity, self.totals = text_line("activity"), text_line("totals")
        self.overview = SeriesOverview(self._go_to_file)
        self.plots = CheckBox(text="Plot picks and mean scores", tooltip="By micrograph.")
        for plot in (self.overview.picks, self.overview.scores):
            plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            plot.hide()
        self.fill(
            [
                row(self.open, self.previous, self.next),
                self.status,
                self.apart,
                holder(self.view),
                row(self.states, self.exclude),
                form(self.pixel_size),
                with_bar(row(self.pick_all, self.stop), self.progress),
                self.activity,
                self.totals,
                self.plots,
                holder(self.overview.picks),
                holder(self.overview.scores),
            ]
        )
        # all the room there is for the table: napari adds a stretch of its own below
        self.column.setStretchFactor(self.view.parentWidget(), 1000)
        self._number_timer = self._timer(self._show_numbers, LATER_MS)
        self._count_timer = self._timer(self._step, 0)
        self._count_steps: Iterator[None] = iter(())
        self._figures: list[tuple[int | None, float | None]] = []  # count and mean, by micrograph
        self.plots.changed.connect(self._draw)
        self._follow_all()
        self.follow_theme(self.overview.show_theme)
        self._list_names()
        self._show_numbers()

    def _table_view(self) -> Any:
        view: Any = MicrographTableView(self.table, self.session)
        view.in_sight.connect(lambda names: self.thumbnails.want(names))
        view.selectionModel().currentRowChanged.connect(self._on_row)
        view.clicked.connect(self._on_row)  # its row may be the current one, and its layers gone
        view.selectionModel().selectionChanged.connect(self._on_selected)
        self.table.modelReset.connect(self._on_listed)
        return view

    def _timer(self, callback: Callable[[], None], milliseconds: int) -> QTimer:
        """A timer that rings once each time it is started, while the dock lives."""
        timer = QTimer(self.native)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(callback)
        return timer

    def _follow_all(self) -> None:
        session, events = self.session, self.session.events
        self.follow(events.files, self._on_files)
        for signal in (events.files, events.micrographs):
            self.follow(signal, self._on_names)
        self.follow(events.current, self._show_current)
        listed = ("labels", "verdicts", "candidates", "excluded", "problems", "failures", "current")
        for name in (*listed, *OF_PICKING):
            self.follow_seen(events[name], self._refresh)
        for signal in (
            self.link.autosave.changed,
            self.link.navigation.changed,
            events.model,
            events.models_to_come,
        ):
            self.follow_seen(signal, self._show)
        for field in ("running", "message", "done", "total"):
            self.follow_seen(session.scoring.events[field], self._show)
        self.native.destroyed.connect(self.thumbnails.stop)

    # what the user does

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self.native, "Open a folder of micrographs, or of a run"
        )
        if folder:
            self.link.autosave.open_folder(Path(folder))

    def _on_row(self, index: Any) -> None:
        if index.isValid():
            self.link.navigation.go_to(self.table.names[index.row()])

    def _on_selected(self) -> None:
        rows = self.view.selectionModel().selectedRows()
        self.session.chosen = frozenset(self.table.names[index.row()] for index in rows)
        self._show()

    def _exclude(self) -> None:
        """Exclude the chosen micrographs, or take them in again where all are excluded."""
        chosen, excluded = self.session.chosen, self.session.excluded
        self.session.excluded = excluded - chosen if chosen <= excluded else excluded | chosen

    def _pick_all(self) -> None:
        self.link.stop_labelling()
        self.link.scoring.score(self.session.names)

    def _go_to_file(self, number: int) -> None:
        names = self.session.names
        if 0 <= number < len(names):
            self.link.navigation.go_to(names[number])

    def _filter(self) -> None:
        self.table.state = None if self.states.value == "all" else self.states.value
        self.table.list_again()

    # what is shown

    def _on_files(self) -> None:
        self.thumbnails.forget()
        self.table.pictures.clear()
        self.view.look_again()

    def _on_names(self) -> None:
        if self.table.names != self.session.names:
            self._list_names()
        self._refresh()

    def _list_names(self) -> None:
        self.table.list_again()
        self._show()

    def _on_listed(self) -> None:
        self.link.navigation.order = list(self.table.names)
        self._show_current()

    def _show_current(self) -> None:
        number, selection = self.table.row_of(self.session.current), self.view.selectionModel()
        if number is not None and selection.currentIndex().row() != number:
            index = self.table.index(number, NAME)
            flags = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self.view.scrollTo(index)

    def _refresh(self) -> None:
        self.table.refresh()
        self._show()
        if not self._number_timer.isActive():
            self._number_timer.start()

    def _show(self) -> None:
        session, scoring, autosave = self.session, self.session.scoring, self.link.autosave
        count = len(session.names)
        nothing_open = "" if count else NOTHING_OPEN
        running = scoring.message if scoring.running else ""
        why_not_pick = nothing_open or running or why_not_score_all(session)
        enable(self.pick_all, why_not_pick, WHAT_PICKING_ALL_DOES)
        enable_running(self.stop, scoring.running, "What is done is kept.")
        self.progress.visible = scoring.running
        self.progress.max, self.progress.value = scoring.total, scoring.done
        tell(self.activity, scoring.message)
        for arrow in (self.previous, self.next):
            lock(arrow, nothing_open or ("There is one micrograph only." if count == 1 else ""))
        are_excluded = bool(session.chosen) and session.chosen <= session.excluded
        self.exclude.text = "Take in again" if are_excluded else "Exclude"
        enable(self.exclude, nothing_open or why_not_exclude(session), WHAT_EXCLUDING_DOES)
        self.apart.visible = session.is_following
        remark = autosave.remark_on(session.current)
        tell(self.status, self._status_text(count, autosave.message or remark))
        is_warning = bool(remark) and not autosave.message
        warning = get_theme(self.link.viewer.theme).warning.as_hex()
        style = f"background: {warning}; color: black; padding: 4px;" if is_warning else ""
        if style != self.status.native.styleSheet():  # to set it is slow
            self.status.native.setStyleSheet(style)

    def _status_text(self, count: int, remark: str) -> str:
        session = self.session
        if remark or not count:
            return remark or NOTHING_OPEN
        if self.link.navigation.reading:
            return f"Reading {session.current} ..."
        if why := why_failed(session, session.current or ""):
            return why
        excluded = len(session.excluded.intersection(session.names))
        text = counted(count, "micrograph") + (f", {excluded} excluded" if excluded else "")
        micrograph = session.micrographs.get(session.current or "")
        if session.current in session.files:
            text += ", saved as you go" if self.link.autosave.path else ""
            return f"{text}. {micrograph.remark}" if micrograph and micrograph.remark else text
        source = micrograph.source if micrograph else None
        return text + (f", labels are saved as you go in {source.parent}" if source else "")

    def _show_numbers(self) -> None:
        """Count picks bit by bit, and show the counts when all are known."""
        self._count_steps = self._count()
        self._count_timer.start()

    def _count(self) -> Iterator[None]:
        """Steps that work out the picks of every micrograph and their mean score, one a step."""
        session, selection = self.session, self.session.selection
        yield from selection.steps()
        figures: list[tuple[int | None, float | None]] = []
        for name in session.names:
            is_in = name in session.candidates and name not in session.excluded
            count = selection.count_of(name) if is_in else None
            figures.append((count, selection.mean_score_of(name) if is_in else None))
            yield
        self._figures = figures

    def _step(self) -> None:
        if work_on(self._count_steps, STEP_MS):
            self._count_timer.start()
            return
        self.table.refresh()
        counts = [count for count, _ in self._figures if count is not None]
        self.plots.visible = bool(counts)
        text = f"{counted(sum(counts), 'pick')} in {counted(len(counts), 'micrograph')}"
        tell(self.totals, text if counts else "")
        self._draw()

    def _draw(self) -> None:
        """Draw the plots, if the user wants them and there is something to draw."""
        is_wanted = self.plots.value and any(count is not None for count, _ in self._figures)
        for plot in (self.overview.picks, self.overview.scores):
            plot.setVisible(is_wanted)
        if is_wanted:
            names, current = self.session.names, self.session.current
            number = names.index(current) if current in names else None
            counts, means = zip(*self._figures, strict=True)
            self.overview.show(counts, means, number)
