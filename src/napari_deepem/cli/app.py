"""The application: how commands are read, run, and refused in one line."""

from __future__ import annotations

import os
import sys

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from napari_deepem import __version__
from napari_deepem.core.errors import InputError

WRONG_INPUT = 2
app = App(
    name="napari-deepem",
    help="Pick particles in cryo-EM micrographs: whole data sets, or in a window with view.",
    version=__version__,
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,  # what is kept is said elsewhere
)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def run_command(arguments: list[str] | None = None) -> None:
    """Run the command of a command line, and refuse wrong input in one line."""
    # Threads of torch that spin while they wait take ten times as long on a machine that is busy.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        fail(f"{' '.join(str(error).split())} (see napari-deepem --help)")
    except InputError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror or error}; check path and rights")


def fail(message: str) -> None:
    """Print a line that says what is wrong, and stop."""
    errors.print(f"napari-deepem: {message}", markup=False)
    sys.exit(WRONG_INPUT)
