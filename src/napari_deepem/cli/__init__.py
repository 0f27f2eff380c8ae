"""The command line: each command is one file here and one call of the batch room.

Exit code 0; 2 for wrong input, with one line on standard error that says what to do; 128 and a
signal's number if one has stopped it, 130 after Ctrl-C. Results go to standard output, everything
else to standard error.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from napari_deepem.cli.signals import STOPPED, Stopped, stopping_on_signals


def main(arguments: list[str] | None = None) -> None:
    """The entry point of `napari-deepem`: runs a command, which a signal may stop."""
    try:
        with stopping_on_signals():
            from napari_deepem.cli.commands import run_command  # takes a while, may be stopped

            run_command(arguments)
    except KeyboardInterrupt as stop:
        with suppress(OSError):  # the terminal may be gone
            sys.stderr.write(f"{STOPPED}\n")
        sys.exit(stop.exit_code if isinstance(stop, Stopped) else 130)
