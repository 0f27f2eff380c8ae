"""Numbers that are typed: taken when typing is over, and brought into bounds with a word why."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, QRegularExpression
from qtpy.QtGui import QDoubleValidator, QRegularExpressionValidator, QValidator
from qtpy.QtWidgets import QAbstractSpinBox, QLineEdit
from superqt import QDoubleRangeSlider, QLabeledDoubleRangeSlider

HANDLE_PX = 24  # of a range slider, which superqt (0.9.0) makes so low that handles are cut off


def take_when_typed(control: Any, low: float, high: float) -> None:
    """Let a control of a number take what is typed as soon as that is all.

    Else (magicgui 0.10.2, superqt 0.9.0) each digit is brought into bounds by itself: of a box of
    88 the first digit becomes the least box, 12, and the second makes that 128.
    """
    native = control.native
    is_editor = isinstance(native, QAbstractSpinBox | QLineEdit)
    for editor in [native] if is_editor else native.findChildren(QAbstractSpinBox):
        _TypedNumber(editor, control, low, high)


def show_values_at_ends(slider: QLabeledDoubleRangeSlider) -> None:
    """Show both values of a range beside its slider, where they can be typed, not above it."""
    slider.setHandleLabelPosition(slider.LabelPosition.NoLabel)
    slider.setEdgeLabelMode(slider.EdgeLabelMode.LabelIsValue)
    for bar in slider.findChildren(QDoubleRangeSlider):
        bar.setMinimumHeight(HANDLE_PX)


class _TypedNumber(QObject):
    """What was typed into the editor of a control, until it is taken."""

    def __init__(self, editor: Any, control: Any, low: float, high: float) -> None:
        super().__init__(editor)
        self._editor: Any = editor
        self._control = control
        self._low, self._high = low, high
        self._typed = ""
        line: Any = editor
        if isinstance(editor, QAbstractSpinBox):
            editor.setKeyboardTracking(False)
            line = editor.lineEdit()
            self._editor.valueChanged.connect(self._on_value)  # an arrow takes what was typed, too
        is_decimal = isinstance(control.value, float)
        line.setValidator(_decimals(line) if is_decimal else _digits(line))
        line.textEdited.connect(self._on_edited)
        editor.editingFinished.connect(self._on_finished)

    def _on_edited(self, text: str) -> None:
        self._typed = text

    def _on_value(self) -> None:
        if self._outside() is not None:
            self._tell()
        self._typed = ""

    def _on_finished(self) -> None:
        number = self._outside()
        if number is not None:
            nearest = min(max(number, self._low), self._high)
            self._control.value = type(self._control.value)(nearest)
            self._tell()
        self._typed = ""

    def _outside(self) -> float | None:
        """The number that was typed, if it is out of bounds."""
        number, is_number = self._editor.locale().toDouble(self._typed)
        return number if is_number and not self._low <= number <= self._high else None

    def _tell(self) -> None:
        typed, self._typed = self._typed, ""
        if typed:
            taken = float(self._control.value)
            size = "small" if self._editor.locale().toDouble(typed)[0] < self._low else "large"
            show_info(f"{self._control.label}: {typed} is too {size}; set to {taken:g}.")


# Bounds are not theirs: what is too large could not be typed at all, and nobody would say why.


def _decimals(parent: QObject) -> QValidator:
    validator = QDoubleValidator(parent)
    validator.setNotation(QDoubleValidator.Notation.StandardNotation)
    return validator


def _digits(parent: QObject) -> QValidator:
    """A lone minus sign, which superqt 0.9.0 takes, is no number to it then."""
    return QRegularExpressionValidator(QRegularExpression("[0-9]{0,12}"), parent)
