"""The Annotate dock: labels of particles, and of what is not one, on each micrograph."""

from __future__ import annotations

from functools import partial
from typing import Any

from magicgui.widgets import ComboBox, PushButton
from napari.utils.action_manager import action_manager

from napari_deepem.controllers.key_bindings import with_keys
from napari_deepem.controllers.mouse_tools import Tool
from napari_deepem.controllers.workers import report
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import LabelKind
from napari_deepem.core.wording import counted
from napari_deepem.layers.label_points import adoptable
from napari_deepem.session.readiness import why_not_annotate
from napari_deepem.widgets.docks.display_controls import DisplayControls
from napari_deepem.widgets.docks.dock import Dock, enable, form, row, tell, text_line
from napari_deepem.widgets.docks.label_import import LabelImport
from napari_deepem.widgets.docks.pixel_size_field import in_angstrom
from napari_deepem.widgets.docks.proposal_controls import ProposalControls

HINT = (
    "Propose particles, and accept or reject some in Review; or click the middle of particles, "
    "twenty or more on each of two micrographs. Drag a label to move it, Shift-click to erase it, "
    "drag elsewhere to move the view. You need not mark all: background is drawn at random, away "
    "from your labels."
)
NO_PIXEL_SIZE = "pixel size not known"
UNDO_HELP = "Changes of labels and picks, one by one, on whichever micrograph they were made."
TOOLS: tuple[tuple[Tool, str, str, str], ...] = (
    ("positive", "Mark particles", "mark_particles", "Click the middles of particles."),
    (
        "negative",
        "Mark non-particles",
        "mark_non_particles",
        "Click what is no particle but might be taken for one: ice, carbon, aggregates.",
    ),
    (
        "erase",
        "Erase labels",
        "erase_labels",
        "Click labels of either kind, or drag over them, to take them away.",
    ),
    (
        "lasso",
        "Erase in a lasso",
        "lasso_labels",
        "Drag an outline: labels of either kind whose middle lies inside go.",
    ),
)


class Annotate(Dock):
    """The dock in which the user labels particles and non-particles of the current micrograph."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.micrograph = self.micrograph_combo()
        self.box_size = self.control("box_size_px")
        self.in_angstrom = text_line("in_angstrom")
        self.tools = {tool: self._tool(tool, text) for tool, text, _, _ in TOOLS}
        edits = self.session.edits
        self.undo = self._button("Undo", edits.undo)
        self.redo = self._button("Redo", edits.redo)
        self.label_import = LabelImport(self.session, self._tell)
        self.proposals = ProposalControls(self)
        self.counts = text_line("counts")
        self.status = text_line("status")
        self.hint = text_line("hint")
        self.points = ComboBox(
            name="points",
            label="Own points",
            choices=lambda _: [(layer.name, layer) for layer in adoptable(self._layers())],
            nullable=True,
            tooltip="A Points layer of yours, to be used as labels of this micrograph.",
        )
        self.use_positive = self._button("Use as particles", partial(self._adopt, "positive"))
        self.use_negative = self._button("Use as non-particles", partial(self._adopt, "negative"))
        self.use_points = row(self.use_positive, self.use_negative)
        self.own_points = form(self.points)
        self.display = DisplayControls(self)
        self.fill(
            [
                form(
                    self.micrograph, row(self.box_size, self.in_angstrom, label=self.box_size.label)
                ),
                *self.proposals.widgets,
                row(self.tools["positive"], self.tools["negative"]),
                row(self.tools["erase"], self.tools["lasso"]),
                row(self.undo, self.redo),
                self.counts,
                self.label_import.buttons,
                self.status,
                self.display.form,
                self.hint,
                self.own_points,
                self.use_points,
            ]
        )
        self._follow_all()
        self._tell("")
        self._show()
        self._show_tool()
        self._show_points()

    def _follow_all(self) -> None:
        events = self.session.events
        for name in ("micrographs", "current", "labels", "box_size_px"):
            self.follow_seen(events[name], self._show)
        self.follow_seen(self.session.edits.changed, self._show_edits)
        self.follow(events.current, lambda: tell(self.status, ""))
        self.follow(self.link.mouse_tools.changed, self._show_tool)
        self.follow_seen(self.link.points_changed, self._show_points)
        self.points.changed.connect(self._show_choice)
        keys_changed = action_manager.events.shortcut_changed
        keys_changed.connect(self._show_keys)
        self.at_end(lambda: keys_changed.disconnect(self._show_keys))

    def _tool(self, tool: Tool, text: str) -> PushButton:
        button = PushButton(text=text, name=tool)
        button.native.setCheckable(True)
        button.native.clicked.connect(lambda: self.link.mouse_tools.toggle(tool))
        return button

    @staticmethod
    def _button(text: str, action: Any) -> PushButton:
        button = PushButton(text=text, name=text)
        button.changed.connect(lambda _: action())
        return button

    def _tell(self, text: str) -> None:
        tell(self.status, text)

    def _adopt(self, kind: LabelKind) -> None:
        try:
            self.link.adopt(self.points.value, kind)
        except InputError as error:
            report(error)

    # what is shown

    def _layers(self) -> list[Any]:
        return list(self.link.viewer.layers)

    def _show_points(self) -> None:
        self.points.reset_choices()
        self.own_points.visible = self.use_points.visible = bool(adoptable(self._layers()))
        self._show_choice()
        self._show_counts()  # labels may lie outside

    def _show_choice(self) -> None:
        chosen = self.points.value is not None and self.session.current is not None
        for button in (self.use_positive, self.use_negative):
            enable(button, "" if chosen else "Choose a layer of points, and a micrograph, first.")

    def _show_tool(self) -> None:
        current_tool = self.link.mouse_tools.current_tool()
        for tool, button in self.tools.items():
            button.native.setChecked(tool == current_tool)

    def _show_keys(self) -> None:
        why_not = why_not_annotate(self.session)
        for tool, _, key, help_text in TOOLS:
            enable(self.tools[tool], why_not, with_keys(help_text, key))
        self.proposals.show()
        self.display.show()
        self._show_edits()

    def _show_edits(self) -> None:
        edits = self.session.edits
        for button, is_possible, verb in (
            (self.undo, edits.can_undo, "undo"),
            (self.redo, edits.can_redo, "redo"),
        ):
            key = f"{verb}_labels"
            button.text = verb.capitalize() if is_possible else f"Nothing to {verb}"
            enable(button, "" if is_possible else f"{button.text}.", with_keys(UNDO_HELP, key))

    def _show(self) -> None:
        session = self.session
        why_not = why_not_annotate(session)
        self._show_keys()
        self.label_import.show()
        self._show_choice()
        tell(self.hint, "" if why_not else HINT)
        is_open = session.current in session.micrographs
        length = in_angstrom(session.box_size_px, session.pixel_size)
        tell(self.in_angstrom, length or (NO_PIXEL_SIZE if is_open else ""))
        self._show_counts()

    def _show_counts(self) -> None:
        tell(self.counts, "" if why_not_annotate(self.session) else self._counts())

    def _counts(self) -> str:
        labels = self.session.counting_labels_of(self.session.current)
        labelled = self.session.labelled()
        all_labels = labelled.values()
        positives = sum(len(each.positive_yx) for each in all_labels)
        negatives = sum(len(each.negative_yx) for each in all_labels)
        outside = self.link.count_outside()
        stray = f"; {counted(outside, 'label')} outside the image not counted" if outside else ""
        in_all = (
            f"; {counted(positives, 'particle')}, {counted(negatives, 'non-particle')} on "
            f"{counted(len(all_labels), 'micrograph')}"
        )
        return (
            f"{counted(len(labels.positive_yx), 'particle')}, "
            f"{counted(len(labels.negative_yx), 'non-particle')} here"
            f"{in_all if labelled.keys() - {self.session.current} else ''}{stray}"
        )
