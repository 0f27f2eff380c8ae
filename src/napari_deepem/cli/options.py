"""Options that several commands have, and how each is read and checked.

Every number is checked here, where it comes in: it is finite, and in the range that the line which
refuses it names. What depends on other options is checked where these meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter, Token

from napari_deepem.cli.app import errors
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.devices import DeviceName
from napari_deepem.core.wording import counted, listed

if TYPE_CHECKING:
    from napari_deepem.core.training.starts import Start

Micrographs = Annotated[
    list[str], Parameter(help="MRC, TIFF or EER files, folders or patterns.", consume_multiple=True)
]
# of coordinate files, as the registry has them: a test holds it
FORMAT_NAMES = "box, json, star, autopick, particles, cbox, topaz, cs, csv"
FormatOptions = Annotated[
    list[str] | None,
    Parameter(
        name="--option",
        help="NAME=VALUE: an option of a format, which is named with its choices if it is wrong.",
    ),
]
FIRST_STARTS: dict[str, Literal["general", "chance"]] = {"general": "general", "chance": "chance"}
LONGEST_QUOTE = 40  # letters of what was given, in a line that refuses it


def whole(low: int, high: int, or_word: str | None = None) -> Parameter:
    """An option that is a whole number in a range, or else that word.

    cyclopts itself would round 24.5 to 24.
    """
    return Parameter(
        converter=lambda _, tokens: _as_read(tokens[0], int, low, high, "a whole number", or_word)
    )


def number(low: float, high: float, or_word: str | None = None) -> Parameter:
    """An option that is a number in a range, its ends included, or else that word."""
    return Parameter(
        converter=lambda _, tokens: _as_read(tokens[0], float, low, high, "a number", or_word)
    )


def pair_of(kind: type[int] | type[float], low: float, high: float) -> Parameter:
    """An option of two numbers in a range."""
    what = "a whole number" if kind is int else "a number"

    def converter(_: object, tokens: Sequence[Token]) -> tuple[object, ...]:
        try:
            return tuple(_as_read(token, kind, low, high, what, None) for token in tokens)
        except ValueError as error:  # cyclopts 5.4 names no option of several words
            raise ValueError(f"Invalid value for {tokens[0].keyword}: {error}") from None

    return Parameter(converter=converter)


def _as_read(
    token: Token,
    kind: type[int] | type[float],
    low: float,
    high: float,
    what: str,
    or_word: str | None,
) -> int | float | str:
    """The number or word that was given, else ValueError, which says what can be given."""
    text = token.value.strip()
    if or_word is not None and text.lower() == or_word:
        return or_word
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is not None and low <= value <= high:
        return value
    quote = text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."
    otherwise = "" if or_word is None else f", or {or_word}"
    raise ValueError(f'"{quote}" is not {what} from {low:,} to {high:,}{otherwise}')


Box = Annotated[int, whole(12, 32_768)]  # of particles that a network sees: 24 to 512 px, binned
# of particles that the general network sees: 44 px, sampled at up to 64 px to a pixel
GeneralBox = Annotated[Literal["auto"] | int, whole(12, 2816, or_word="auto")]
Binning = Annotated[Literal["auto"] | int, whole(1, 64, or_word="auto")]
Epochs = Annotated[int, whole(1, 10_000)]
Seed = Annotated[int, whole(0, 2**31 - 1)]
Step = Annotated[int, whole(1, 32_768)]
Size = Annotated[tuple[int, int], pair_of(int, 64, 16_384)]
Threshold = Annotated[Literal["f2"] | float, number(0, 1, or_word="f2")]
AdaptiveThreshold = Annotated[
    bool,
    Parameter(
        negative="",
        help="Move the threshold on each micrograph to where picks are as sure to be particles: up "
        "where few candidates look like particles, down where many do. For micrographs that differ "
        "much in how many they hold; see docs/thresholds.md.",
    ),
]
StdRange = Annotated[tuple[float, float], pair_of(float, 0, 1000)]
Distance = Annotated[float, number(0, 100_000)]  # px
Length = Annotated[float, number(0.001, 100_000)]  # px, of a box or a radius
WorkerCount = Annotated[Literal["auto"] | int, whole(1, 1024, or_word="auto")]
JobCount = Annotated[int, whole(1, 10_000)]
Minutes = Annotated[float, number(0.001, 100_000)]
PixelSize = Annotated[float, number(0.01, 1000)]  # A/px
Share = Annotated[float, number(0, 1)]
Device = DeviceName
RecipeName = Literal["modern", "wide", "deepem2017"]
StartName = Annotated[str, Parameter(show_default=False)]  # general, chance, or a model file


def start_of(name: str | None) -> Start | None:
    """The start that an option names; a model is read from its file."""
    from napari_deepem.io.models import load_model

    if name is None or name in FIRST_STARTS:
        return FIRST_STARTS.get(name or "")
    path = Path(name)
    if not path.suffix and not path.exists():
        raise InputError(f"a start from {name}: give general, chance or a model file")
    return load_model(path)


def given_format_options(arguments: Sequence[str] | None) -> dict[str, str]:
    """The values of options of formats by name; InputError for what is no NAME=VALUE, or twice."""
    options: dict[str, str] = {}
    for argument in arguments or ():
        name, sign, value = (part.strip() for part in argument.partition("="))
        if not (name and sign and value):
            raise InputError(f"--option {argument[:LONGEST_QUOTE]}: give NAME=VALUE")
        if name in options:
            raise InputError(f"--option {name} is given twice: give one value")
        options[name] = value
    return options


def given_micrographs(arguments: Sequence[str]) -> list[Path]:
    """The micrographs that arguments stand for.

    Told of are a file that has several names, and what is read otherwise than one may expect.
    """
    from napari_deepem.io.images import files_of_several_names, find_micrographs, remarks_on

    paths = find_micrographs(arguments)
    twins = files_of_several_names(paths)
    if twins:
        names, more = listed([path.name for path in twins[0]]), len(twins) - 1
        text = f"{names} are one file, which counts as {len(twins[0])} micrographs"
        text += f" (and {counted(more, 'more such file')})" if more else ""
        errors.print(f"napari-deepem: {text}", markup=False)
    for remark in remarks_on(paths):
        errors.print(f"napari-deepem: {remark}", markup=False)
    return paths


def rising(std_range: tuple[float, float]) -> tuple[float, float]:
    """The range of standard deviations, if it rises; else InputError."""
    low, high = std_range
    if low >= high:
        raise InputError(f"a std range of {low:g} to {high:g}: give a lower and a higher value")
    return low, high
