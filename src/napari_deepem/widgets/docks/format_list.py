"""The list of the formats of coordinates, each with its options, as the user last chose them."""

from __future__ import annotations

from functools import partial

from magicgui.widgets import CheckBox, ComboBox, Container, Label
from qtpy.QtWidgets import QSizePolicy

from napari_deepem.session import Session
from napari_deepem.session.export_plan import FORMATS, describe, options_of
from napari_deepem.widgets.docks.dock import row

INDENT = 22  # of options below their format's box, screen pixels
SHARES = (5, 3)  # of an option's line: title and menu


class FormatList:
    """A column of boxes, one a format, in the order of their titles; those of one program meet.

    A format's options are seen where it is chosen.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.boxes: dict[str, CheckBox] = {}
        self.options: dict[str, ComboBox] = {}  # by "format.option"
        self._rows: list[tuple[str, Container]] = []  # of options, and whose they are
        self.column: Container = Container(widgets=[Label(value="Formats")], labels=False)
        for format in sorted(FORMATS, key=lambda each: each.title.lower()):
            text = f"{format.title} ({format.suffixes[0]})"
            box = CheckBox(text=text, tooltip=describe(format))
            box.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            box.changed.connect(self._take_formats)
            self.boxes[format.name] = box
            self.column.append(box)
            for option in format.options:
                menu = ComboBox(choices=option.choices, tooltip=option.title)
                key = f"{format.name}.{option.name}"
                menu.changed.connect(partial(self._take_option, key))
                self.options[key] = menu
                line = _titled(option.title, menu)
                self._rows.append((format.name, line))
                self.column.append(line)
        self.column.margins = (0, 0, 0, 0)
        self.column.native.layout().setSpacing(3)
        self.show()

    @property
    def chosen(self) -> list[str]:
        """The names of the chosen formats; a session may have another version's, too."""
        return [name for name in self._session.formats if name in self.boxes]

    def show(self) -> None:
        """Show what the session has: the formats that are chosen, and their options."""
        for format in FORMATS:
            box = self.boxes[format.name]
            with box.changed.blocked():
                box.value = format.name in self._session.formats
            for name, value in options_of(self._session, format).items():
                menu = self.options[f"{format.name}.{name}"]
                with menu.changed.blocked():
                    menu.value = value
        for name, line in self._rows:
            line.visible = name in self._session.formats

    def _take_formats(self) -> None:
        self._session.formats = tuple(name for name, box in self.boxes.items() if box.value)

    def _take_option(self, key: str, value: str) -> None:
        self._session.format_options = {**self._session.format_options, key: value}


def _titled(title: str, menu: ComboBox) -> Container:
    """A line of a title, in two lines where it is long, and a menu; as wide as the dock is."""
    text = Label(value=title)
    text.native.setWordWrap(True)
    text.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    menu.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    line = row(text, menu)
    line.margins = (INDENT, 0, 0, 0)
    for index, share in enumerate(SHARES):
        line.native.layout().setStretch(index, share)
    return line
