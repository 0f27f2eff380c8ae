"""Processes, by whose end files are known to be left behind: on which host, and whether gone."""

from __future__ import annotations

import platform
import re
from functools import cache
from pathlib import Path

FIRST_PROCESSES = 0xEFFFFFFC  # Linux's number of the process table that is no container's


@cache
def this_host() -> str:
    """What tells apart the tables that processes are counted in: of hosts, and of containers."""
    host = re.sub(r"[^\w.-]", "_", platform.node(), flags=re.ASCII)[:60] or "host"
    try:
        processes = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # not Linux
        return host
    return host if processes == FIRST_PROCESSES else f"{host}.{processes}"


def has_ended(process: int, host: str) -> bool:
    """Whether a process is gone; that of another host, of which that can't be told, is not."""
    if host != this_host():
        return False
    from psutil import pid_exists  # seldom needed

    return not pid_exists(process)
