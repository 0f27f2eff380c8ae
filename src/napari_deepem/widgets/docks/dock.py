"""The parts of every dock: the viewer's session, controls of its fields, a place among tabs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from annotated_types import Ge, Le
from magicgui.widgets import (
    ComboBox,
    Container,
    Label,
    PushButton,
    Widget,
    create_widget,
)
from psygnal import EventedModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDockWidget,
    QFrame,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QWidget,
)

from napari_deepem.controllers.box_cursor import BoxCursor
from napari_deepem.controllers.canvas_context import keep_context
from napari_deepem.controllers.canvas_focus import CanvasFocus
from napari_deepem.controllers.folder_drop import FolderDrop
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.widgets.docks.dock_tabs import DockTab
from napari_deepem.widgets.docks.help_button import HelpButton
from napari_deepem.widgets.docks.hint_line import show_hints_in
from napari_deepem.widgets.docks.key_overlay import show_keys_in
from napari_deepem.widgets.docks.name_menu import NameMenu
from napari_deepem.widgets.docks.seen_updates import SeenUpdates
from napari_deepem.widgets.docks.steady_places import keep_room, show_text
from napari_deepem.widgets.docks.typed_numbers import take_when_typed
from napari_deepem.widgets.docks.why_lines import WhyLines, set_why_not
from napari_deepem.widgets.docks.window_size import give_room

SLIDER_MARGIN = 1.05  # of the highest value that a range slider has to show
LISTED = 100  # micrographs in a menu; the Micrographs dock has them all
WIDTH = 354  # least width in which every line is whole beside a scroll bar, screen pixels


class Dock(Container):
    """A column of controls that follows a viewer's session for as long as the dock lives."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(labels=False)
        self.native.setMinimumWidth(WIDTH)
        self.link = link_of(viewer)
        self.session = self.link.session
        self._seen = SeenUpdates(self.native)
        self._at_end: list[Callable[[], object]] = []
        self.native.destroyed.connect(partial(_call_all, self._at_end))
        self._why_lines = WhyLines(self.native)
        self.follow_theme(self._why_lines.show_theme)
        self._tab = DockTab(self.native, type(self).__name__, self._on_window)

    def _on_window(self, window: QMainWindow, dock: QDockWidget) -> None:
        """Follow what is done to the window; as a whole, if this is the first dock in it."""
        self._seen.follow(dock)
        CanvasFocus(self.native, window)
        HelpButton(dock, type(self).__name__, self._theme, self.link.keys_asked.emit)
        for menu in self.native.findChildren(QComboBox):
            NameMenu(menu)
        if not self.link.window_close.watching:
            self.link.window_close.watch(window)
            FolderDrop(self.link, window)
            keep_context(self.link.viewer, window)
            BoxCursor(self.link, window)
            self.link.progress_bars.open()
            give_room(window)
            show_keys_in(window, self.link)
            show_hints_in(window, self.link)
            self.link.load_ahead()

    def _theme(self) -> str:
        return str(self.link.viewer.theme)

    def fill(self, widgets: Sequence[Widget]) -> None:
        """Lay widgets out from top to bottom, close together; what is too high is scrolled."""
        self._column = Container(widgets=widgets, labels=False)
        self.column = self._column.native.layout()
        self.column.addStretch()
        self.column.setSpacing(6)
        area = QScrollArea()
        area.setWidget(self._column.native)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        expanding = QSizePolicy.Policy.Expanding
        frame = holder(area)
        frame.native.setSizePolicy(expanding, expanding)  # or napari leaves the space below empty
        self.append(frame)
        self.margins = (0, 0, 0, 0)
        for each in frame.native.findChildren(QPushButton):  # what is typed is taken at a click;
            each.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # macOS leaves the focus in the field

    def follow(self, signal: Any, callback: Callable[..., object]) -> None:
        """Connect a session's signal until the dock is destroyed."""
        signal.connect(callback)
        self.at_end(lambda: signal.disconnect(callback, missing_ok=True))

    def follow_seen(self, signal: Any, update: Callable[[], object]) -> None:
        """Bring up to date what the dock shows when a signal comes, as soon as it is seen."""
        self.follow(signal, self._seen.when_seen(update))

    def follow_filter(self, callback: Callable[[], object]) -> None:
        """Call back when pictures of boxes are to be filtered otherwise, or not at all."""
        shown = self.session.display.events
        for signal in (shown.filtered, shown.low_pass_angstrom):
            self.follow(signal, callback)

    def follow_theme(self, *callbacks: Callable[[str], object]) -> None:
        """Call callbacks with the name of the viewer's theme, now and whenever it changes."""
        changed = self.link.viewer.events.theme

        def on_theme(event: Any) -> None:
            for callback in callbacks:
                callback(event.value)

        changed.connect(on_theme)
        self.at_end(lambda: changed.disconnect(on_theme))
        for callback in callbacks:
            callback(self.link.viewer.theme)

    def at_end(self, callback: Callable[[], object]) -> None:
        """Call a callback when the dock is destroyed."""
        self._at_end.append(callback)

    def control(self, field: str, of: EventedModel | None = None, **options: Any) -> Any:
        """A control of a field of the session, or of another model that it has.

        Its bounds, title and help are the field's.
        """
        model = self.session if of is None else of
        info = type(model).model_fields[field]
        bounds: dict[str, Any] = {}
        for limit in info.metadata:
            if isinstance(limit, Ge):
                bounds["min"] = limit.ge
            elif isinstance(limit, Le):
                bounds["max"] = limit.le
        widget: Any = create_widget(
            value=getattr(model, field),
            annotation=info.annotation,
            name=field,
            label=info.title,
            options={"tooltip": info.description, **bounds, **options},
        )
        widget.changed.connect(lambda value: setattr(model, field, value))
        if {"min", "max"} <= bounds.keys():
            take_when_typed(widget, bounds["min"], bounds["max"])
        self.follow(model.events[field], lambda value: show_value(widget, value))
        return widget

    def micrograph_combo(self) -> ComboBox:
        """A menu of micrographs, in which the user chooses the current one."""
        combo = ComboBox(
            name="micrograph",
            label="Micrograph",
            choices=lambda _: self._listed(),
            tooltip="Shows this micrograph and hides the others with all that belongs to them.",
        )
        combo.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

        def refresh(_: object = None) -> None:
            with combo.changed.blocked():
                listed, current = combo.choices, self.session.current
                lists_all = len(self.session.names) <= LISTED
                if (lists_all or current not in listed) and list(listed) != self._listed():
                    combo.reset_choices()
                if current in combo.choices:
                    combo.value = current

        combo.changed.connect(lambda name: setattr(self.session, "current", name))
        for signal in (self.session.events.micrographs, self.session.events.files):
            self.follow(signal, refresh)
        self.follow(self.session.events.current, refresh)
        refresh()
        return combo

    def _listed(self) -> list[str]:
        """The names of all micrographs, or of the current one's neighbours where there are many."""
        names, current = self.session.names, self.session.current
        if len(names) <= LISTED or current not in names:
            return names[:LISTED]
        first = max(0, names.index(current) - LISTED // 2)
        return names[first : first + LISTED]


def show_value(widget: Any, value: Any) -> None:
    """Show a value in a control without announcing it as the user's; a range slider grows to it."""
    if widget.value != value:
        with widget.changed.blocked():
            if isinstance(value, tuple) and max(value) > widget.max:
                widget.max = max(value) * SLIDER_MARGIN
            widget.value = value


def form(*widgets: Widget) -> Container:
    """A container of widgets below each other, their labels on the left."""
    return _without_margins(Container(widgets=widgets, labels=True))


def row(*widgets: Widget, label: str = "") -> Container:
    """A container of widgets side by side."""
    return _without_margins(
        Container(widgets=widgets, layout="horizontal", labels=False, label=label)
    )


def holder(widget: QWidget) -> Container:
    """A container of one plain Qt widget, to be laid out among controls."""
    container = _without_margins(Container(labels=False))
    container.native.layout().addWidget(widget)
    return container


def _without_margins(container: Container) -> Container:
    container.margins = (0, 0, 0, 0)
    container.native.layout().setSpacing(6)
    return container


def button(text: str, action: Callable[[], object], tooltip: str = "") -> PushButton:
    """A button that calls `action`."""
    push_button = PushButton(text=text, tooltip=tooltip)
    push_button.changed.connect(lambda: action())
    return push_button


def enable(control: Widget, why_not: str, effect: str = "") -> None:
    """Enable a control unless there is a reason why not, such as `session.readiness` tells.

    A line below its row says the reason, see `why_lines`; so does its tooltip, which else says what
    the control does.
    """
    lock(control, why_not)
    control.tooltip = why_not or effect


def lock(control: Widget, why_not: str) -> None:
    """Disable a control for a reason, which a line below says, or enable it; see `enable`."""
    control.enabled = not why_not
    set_why_not(control.native, why_not)


def enable_running(stop: PushButton, is_running: bool, effect: str) -> None:
    """Show a button that stops a job, while that is running."""
    stop.enabled = stop.visible = is_running
    stop.tooltip = effect
    keep_room(stop.native)


def text_line(name: str) -> Label:
    """An empty text that wraps and can be copied."""
    line = Label(name=name, value="")
    line.native.setWordWrap(True)
    line.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    line.native.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return line


def tell(line: Label, text: str) -> None:
    """Show a text in a line, or hide the line where the text is empty."""
    line.value = text
    show_text(line.native, bool(text))


def _call_all(callbacks: Sequence[Callable[[], object]]) -> None:
    for callback in callbacks:
        callback()
