"""The application: how commands are read, run, and refused in one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from napari_deepem import __version__
from napari_deepem.core.errors import InputError


class _Errors(Console):
    """Standard error, without which the work goes on: its disk may be full, its reader gone."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as a `Console` does, if that is possible."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Say nothing more; what waits to be written is thrown away."""
        self.quiet = True
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


WRONG_INPUT = 2  # nothing was done
SOME_FAILED = 3  # of many micrographs: the rest is done
app = App(
    name="napari-deepem",
    help="Pick particles in cryo-EM micrographs: whole data sets, or in a window with view.",
    version=__version__,
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,  # what is kept is said elsewhere
)
errors = _Errors(stderr=True, highlight=False, soft_wrap=True)

# what a command does where it is refused, with its arguments: somebody may wait for its end
when_refused: dict[str, Callable[[Sequence[str]], None]] = {}


def run_command(arguments: list[str] | None = None) -> None:
    """Run the command of a command line, and refuse wrong input in one line."""
    # Threads of torch that spin while they wait take ten times as long on a machine that is busy.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = sys.argv[1:] if arguments is None else arguments
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    try:
        if "" in arguments:  # as a path it would be the folder that one happens to be in
            app.parse_args(arguments, exit_on_error=False, print_error=False)  # or no path is
            raise InputError("an argument is empty: give one, or set the variable it comes from")
        app(arguments, exit_on_error=False, print_error=False)
        return
    except CycloptsError as error:
        message = f"{' '.join(str(error).split())} (see napari-deepem --help)"
    except InputError as error:
        message = str(error)
    except OSError as error:
        place = error.filename or "a file or the output"
        message = f"{place}: {error.strerror or error}; check path and rights"
    if command in when_refused:
        when_refused[command](rest)
    fail(message)


def fail(message: str) -> None:
    """Print a line that says what is wrong, and stop."""
    errors.print(f"napari-deepem: {message}", markup=False)
    sys.exit(WRONG_INPUT)
