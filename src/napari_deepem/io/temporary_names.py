"""Names of temporary files that say whose they are, so that the next run removes what is left.

Such a name is `.napari-deepem-<host>-<process>-<8 letters><suffix>`.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import time
from uuid import uuid4

DAY_S = 86400
FIRST_PROCESSES = 0xEFFFFFFC  # Linux's number of the process table that is no container's
_NAME = re.compile(r"\.napari-deepem-(.+)-(\d{1,9})-[0-9a-z_]{8}(\..*)?", re.DOTALL)


def temporary_name(suffix: str = "") -> str:
    """A name for a temporary file of this process, like no other."""
    return f"{temporary_prefix()}{uuid4().hex[:8]}{suffix}"


def temporary_prefix() -> str:
    """The beginning of all such names of this process."""
    return f".napari-deepem-{_host()}-{os.getpid()}-"


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
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry, ignore_errors=True)
            else:
                with suppress(OSError):
                    Path(entry).unlink()


def _is_left_over(path: Path, host: str, process: int) -> bool:
    if host == _host():
        from psutil import pid_exists  # seldom needed

        return not pid_exists(process)
    try:
        return time() - path.lstat().st_mtime > DAY_S
    except OSError:  # its owner has removed it
        return False


@cache
def _host() -> str:
    """What tells apart the tables that processes are counted in: of hosts, and of containers."""
    host = re.sub(r"[^\w.-]", "_", platform.node(), flags=re.ASCII)[:60] or "host"
    try:
        processes = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # not Linux
        return host
    return host if processes == FIRST_PROCESSES else f"{host}.{processes}"
