"""The numbers that the command line takes, and how others are refused."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

import napari_deepem.cli.commands  # noqa: F401  knows them all
from cli_runs import Refusal, run
from napari_deepem.cli import commands
from napari_deepem.cli.app import app

LEAST = {  # what each command needs besides
    "train": ("m.mrc", "--coords", "c", "--box", 24, "--out", "o"),
    "tune": ("m.mrc", "--coords", "c", "--box", 24, "--minutes", 1, "--out", "o"),
    "pick": ("m.mrc", "--model", "m", "--out", "o"),
    "refine": ("m.mrc", "--model", "m", "--out", "o"),
    "relion-pick": ("--in_mics", "m.star", "--model", "m", "--o", "o"),
    "evaluate": ("p", "--truth", "t", "--box", 24),
    "simulate": ("--out", "o"),
    "demo": (),
}
NO_NUMBERS = ("nan", "inf", "-inf", "1e300", str(10**30), "9" * 5000, "", " ", "x", "1,5", "0x10")


def numeric_options() -> Iterator[tuple[str, str, bool, int]]:
    """Command, option, whether it takes whole numbers alone, and how many."""
    for command in LEAST:
        function = app[command].default_command
        for name, hint in get_type_hints(function).items():
            kinds = set(_kinds(hint))
            if kinds & {int, float} and name in inspect.signature(function).parameters:
                is_pair = any(get_origin(part) is tuple for part in (hint, *get_args(hint)))
                option = f"--{name.replace('_', '-')}"
                yield command, option, float not in kinds, 2 if is_pair else 1


def _kinds(hint: Any) -> Iterator[object]:
    if get_origin(hint) is Literal:
        return
    parts = get_args(hint)
    if parts:
        for part in parts:
            yield from _kinds(part)
    else:
        yield hint


assert commands  # importing it makes the app know them
OPTIONS = list(numeric_options())


def test_options_are_looked_at() -> None:
    names = {(command, option) for command, option, *_ in OPTIONS}
    assert {("simulate", "--snr"), ("pick", "--std-range"), ("tune", "--minutes")} < names
    assert len(OPTIONS) == 48


@pytest.mark.parametrize(("command", "option", "is_whole", "count"), OPTIONS)
def test_what_is_no_number_in_range_is_refused_with_the_range(
    refusal: Refusal, command: str, option: str, is_whole: bool, count: int
) -> None:
    """B.6: one line that names the option and what is possible, before any file is looked at."""
    values = [*NO_NUMBERS, "-1", *(["1.5"] if is_whole else [])]
    for value in values:
        line = refusal(command, *LEAST[command], option, *[value] * count)
        kind = "a whole number" if is_whole else "a number"
        assert re.search(rf"{option}: \".*\" is not {kind} from [\d,.]+ to [\d,.]+", line), line
        assert len(line) < 200


@pytest.mark.parametrize(
    ("command", "option", "values"),
    [
        ("pick", "--threshold", ("1.01", "f3", "auto")),
        ("pick", "--step", ("0",)),
        ("pick", "--box", ("11", "2817", "f2")),
        ("train", "--bin", ("0", "65", "f2")),
        ("train", "--box", ("0", "11")),
        ("train", "--epochs", ("0", "10001")),
        ("tune", "--minutes", ("0",)),
        ("refine", "--epochs", ("0",)),
        ("refine", "--seed", (str(2**31),)),
        ("evaluate", "--box", ("0",)),
        ("evaluate", "--radius", ("0",)),
        ("simulate", "--count", ("0", "1000000000000")),
        ("simulate", "--snr", ("0",)),
        ("simulate", "--pixel-size", ("0", "1e9")),
        ("simulate", "--particles", ("10001",)),
        ("simulate", "--overlaps", ("1.01",)),
        ("demo", "--box", ("0",)),
    ],
)
def test_border_of_a_range_holds(
    refusal: Refusal, command: str, option: str, values: tuple[str, ...]
) -> None:
    """B.6"""
    for value in values:
        line = refusal(command, *LEAST[command], option, value)
        assert f'{option}: "{value}" is not' in line


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("pick", ("--threshold", "F2")),
        ("pick", ("--box", "12")),
        ("pick", ("--box", "AUTO")),
        ("pick", ("--threshold", "1", "--min-distance", "0", "--std-range", "0", "1e2")),
        ("train", ("--bin", "AUTO", "--seed", str(2**31 - 1), "--epochs", "10000")),
    ],
)
def test_numbers_in_range_are_taken(
    command: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, *LEAST[command], *options) == 2
    assert "m.mrc: no such file" in capsys.readouterr().err  # which is looked for next
