"""Commands in forks of one process that has everything loaded, killed at one of their events.

An event is a file in the folder about to be opened for writing, renamed, removed, and so on: Python
tells of each (`sys.addaudithook`). What SQLite does it does not see: `session_writer` tells.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from commands import Command

from napari_deepem.io.temporary_names import _remove_own

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "chaos.save", "chaos.saved")
TOLD = b"\nevents "
PATIENCE_S = 600


class Fork:
    """A command in a fork of this process, which kills itself at its n-th event."""

    def __init__(
        self, command: Command, folder: Path, output: Path, kill_at: int = 0, number: int = 0
    ) -> None:
        self.output, self.returncode, self.place = output, 0, "after the last event"
        sys.stdout.flush()
        self._process = os.fork()
        if self._process == 0:
            code = 70
            try:
                code = _run(command, folder, output, kill_at, number)
            finally:
                os._exit(code)

    @staticmethod
    def events_in(output: Path) -> int:
        """How many events a run had that nobody killed."""
        return int(output.read_bytes().rsplit(TOLD)[-1])

    def wait(self) -> int:
        """How it ended; it is killed if that takes longer than on the busiest machine."""
        began = monotonic()
        while not (ended := os.waitpid(self._process, os.WNOHANG))[0]:
            if monotonic() - began > PATIENCE_S:
                os.kill(self._process, signal.SIGKILL)
            sleep(0.005)
        self.returncode = os.waitstatus_to_exitcode(ended[1])
        place = self.output.with_suffix(".place")
        if place.exists():
            self.place = place.read_text()
            place.unlink()
        return self.returncode


def load_all() -> None:
    """Load all that commands load, so that forks have it, and make trainings short."""
    from dataclasses import replace

    import optuna  # noqa: F401
    import session_writer  # noqa: F401
    import torch._dynamo  # noqa: F401  # half of what torch is: its optimisers load it

    from napari_deepem.batch import pick, refine, simulate, train, tuning  # noqa: F401
    from napari_deepem.cli import commands as _  # noqa: F401
    from napari_deepem.core.training import recipes

    short = {"batches_per_epoch": 4, "batch_size": 16, "epochs": 1}
    recipes.RECIPES["modern"] = replace(recipes.MODERN, **short)
    recipes.FROM_GENERAL = replace(recipes.FROM_GENERAL, **short)


def _run(command: Command, folder: Path, output: Path, kill_at: int, number: int) -> int:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)
    count = 0

    def notice(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event not in EVENTS or not _is_in(folder, event, arguments):
            return
        count += 1
        if count == kill_at:
            with open(output.with_suffix(".place"), "w") as place:  # noqa: PTH123
                place.write(event)
            os.kill(os.getpid(), number)

    sys.addaudithook(notice)
    code = 0
    try:
        command.run_here()
    except SystemExit as end:
        code = int(end.code or 0)
    _remove_own()  # as the program does when it ends; not what this process has to do then
    sys.stdout.flush()
    sys.stderr.flush()
    if not kill_at:
        os.write(1, TOLD + str(count).encode())
    return code


def _is_in(folder: Path, event: str, arguments: tuple[Any, ...]) -> bool:
    path, *more = arguments
    if event == "open" and not (more[1] or 0) & WRITING:
        return False
    if isinstance(path, int) or path is None:
        return False
    return Path(os.fsdecode(path)).absolute().is_relative_to(folder)
