"""Options that several commands have, and how each is read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, Token

from napari_deepem.cli.app import errors
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.devices import DeviceName
from napari_deepem.core.wording import counted, listed

Micrographs = Annotated[
    list[str], Parameter(help="MRC files, folders or patterns.", consume_multiple=True)
]


def _whole_number(kind: object, tokens: Sequence[Token]) -> int | str:
    """A whole number, or "auto", else ValueError; cyclopts itself would round 24.5 to 24."""
    text = tokens[0].value
    if text == "auto" and kind is not int:
        return text
    try:
        return int(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a whole number or auto"
        raise ValueError(f'"{text}" is not {expected}') from None


def _score_or_f2(_: object, tokens: Sequence[Token]) -> float | str:
    """A number that may be a score, or "f2", else ValueError."""
    text = tokens[0].value
    if text.lower() == "f2":
        return "f2"
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'"{text}" is neither a score from 0 to 1 nor f2') from None


def _whole_numbers(_: object, tokens: Sequence[Token]) -> tuple[int | str, ...]:
    """Whole numbers, as many as there are words."""
    return tuple(_whole_number(int, [token]) for token in tokens)


Whole = Annotated[int, Parameter(converter=_whole_number)]
WholeOrAuto = Annotated[Literal["auto"] | int, Parameter(converter=_whole_number)]
Size = Annotated[tuple[int, int], Parameter(converter=_whole_numbers)]
Device = DeviceName
RecipeName = Literal["modern", "wide", "deepem2017"]
ScoreOrF2 = Annotated[Literal["f2"] | float, Parameter(converter=_score_or_f2)]


def given_micrographs(arguments: Sequence[str]) -> list[Path]:
    """The micrographs that arguments stand for; a file that has several names is told of."""
    from napari_deepem.io.images import files_of_several_names, find_micrographs

    paths = find_micrographs(arguments)
    twins = files_of_several_names(paths)
    if twins:
        names, more = listed([path.name for path in twins[0]]), len(twins) - 1
        text = f"{names} are one file, which counts as {len(twins[0])} micrographs"
        text += f" (and {counted(more, 'more such file')})" if more else ""
        errors.print(f"napari-deepem: {text}", markup=False)
    return paths


def probability(threshold: float) -> float:
    """The threshold, if it is a score; else InputError."""
    if not 0 <= threshold <= 1:
        raise InputError(f"a threshold of {threshold:g}: give a score from 0 to 1, or f2")
    return threshold


def distance(min_distance: float) -> float:
    """The minimum distance, if it can be one; else InputError."""
    if not 0 <= min_distance < float("inf"):
        raise InputError(f"a minimum distance of {min_distance:g}: give pixels, 0 or more")
    return min_distance


def rising(std_range: tuple[float, float]) -> tuple[float, float]:
    """The range of standard deviations, if it rises; else InputError."""
    low, high = std_range
    if not 0 <= low < high:
        raise InputError(f"a std range of {low:g} to {high:g}: give a lower and a higher value")
    return low, high
