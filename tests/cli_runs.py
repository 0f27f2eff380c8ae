"""Commands run in this process, and refusals of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from napari_deepem.cli import main
from quick_recipes import shorten_recipes


def run(*arguments: object) -> int:
    """Exit code of a command."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@contextmanager
def quick_training(batches: int = 16, batch_size: int = 32, epochs: int = 3) -> Iterator[None]:
    """The recipe `modern` made short, within the block."""
    with pytest.MonkeyPatch.context() as patch:
        shorten_recipes(patch, batches_per_epoch=batches, batch_size=batch_size, epochs=epochs)
        yield


def console_on(terminal: bool) -> tuple[Console, StringIO]:
    """A console, a terminal or not, and what is shown on it."""
    shown = StringIO()
    return Console(file=shown, force_terminal=terminal, width=120, highlight=False), shown


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Refusal:
    """Runs a command that must fail: exit code 2, one line on standard error, no file touched."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self._folder = folder

    def __call__(self, *arguments: object) -> str:
        before = files_in(self._folder)
        self._capsys.readouterr()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            code = run(*last_options(arguments))
        output = self._capsys.readouterr()
        assert code == 2, output.err
        assert output.out == ""
        assert output.err.startswith("napari-deepem: ")
        assert output.err.endswith("\n")
        assert output.err.count("\n") == 1, output.err
        assert "Traceback" not in output.err
        assert files_in(self._folder) == before
        return output.err


def last_options(arguments: tuple[object, ...]) -> list[object]:
    """Without options that are given again later: `(*TRAIN, "--box", 0)` changes the box."""
    kept: list[object] = []
    for argument in arguments:
        if isinstance(argument, str) and argument.startswith("--") and argument in kept:
            start = kept.index(argument)
            del kept[start : start + 2]
        kept.append(argument)
    return kept
