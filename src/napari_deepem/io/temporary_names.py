"""Temporary files, whose names say whose they are: the next run removes what one has left.

Such a name is `.napari-deepem-<host>-<process>-<8 letters><suffix>`.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from uuid import uuid4

from napari_deepem.io.processes import has_ended, this_host

DAY_S = 86400
_NAME = re.compile(r"\.napari-deepem-(.+)-(\d{1,9})-[0-9a-z_]{8}(\..*)?", re.DOTALL)
_OWN: set[Path] = set()  # those of this process that may be there


@contextmanager
def temporary_path(folder: Path, suffix: str = "") -> Iterator[Path]:
    """A path like no other in a folder, for a file or folder that is removed after the block."""
    path = folder / f".napari-deepem-{this_host()}-{os.getpid()}-{uuid4().hex[:8]}{suffix}"
    _OWN.add(path)
    try:
        yield path
    finally:
        _remove(path)
        _OWN.discard(path)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files in a folder whose processes are gone.

    Those of another host, of which that can't be told, are removed when they are a day old; one
    that can't be removed stays.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = _NAME.fullmatch(entry.name)
            if name is None or not _is_left_over(Path(entry), name[1], int(name[2])):
                continue
            _remove(Path(entry))


@atexit.register
def _remove_own() -> None:
    """Remove what a block has left: a signal may come in the midst of removing."""
    for path in list(_OWN):
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # on a read-only disk there is none
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_left_over(path: Path, host: str, process: int) -> bool:
    if host == this_host():
        return has_ended(process, host)
    try:
        return time() - path.lstat().st_mtime > DAY_S
    except OSError:  # its owner has removed it
        return False
