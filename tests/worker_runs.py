"""Runs of `napari-deepem pick` in processes of their own, which tests may kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from napari_deepem.io.temporary_names import _NAME
from patience import PATIENCE_S

MAIN = "from napari_deepem.cli import main\nif __name__ == '__main__': main()"
REPORTS = {"report.html", "report.json", "manifest.json", "model.safetensors"}


class Run:
    """A picking that tells of its course in JSON, from the moment that it starts."""

    def __init__(self, *arguments: object, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "pick", *map(str, arguments), "--progress", "json"],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_hears_of_signals,
        )

    def micrographs(self) -> Iterator[dict[str, Any]]:
        """What it tells of each micrograph, as soon as it does, while it is alive."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "micrograph" in (values := json.loads(line)):
                yield values

    def workers(self) -> list[psutil.Process]:
        """Its processes that pick."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in children if _is_worker(each)]

    def kill(self, number: int = signal.SIGKILL) -> tuple[int, str]:
        """The exit code, and what it has said; none of its processes goes on without it."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        if number == signal.SIGINT:  # a terminal tells its whole group of Ctrl-C
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        _, text = self.process.communicate(timeout=PATIENCE_S)
        _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
        assert not alive
        return self.process.returncode, text

    def end(self) -> tuple[int, str]:
        """The exit code, and what it has said, when it is over."""
        _, text = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, text


def picked_files(folder: Path) -> dict[str, bytes]:
    """All files of a run but what tells of its command; hidden ones too."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in REPORTS)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def temporary_files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if _NAME.fullmatch(path.name)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it has just ended
        return False


def _hears_of_signals() -> None:
    """Whatever the tests themselves were started with, such as nohup."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
