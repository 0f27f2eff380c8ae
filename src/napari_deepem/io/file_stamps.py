"""Stamps of files, by which a file is told from another that has taken its place.

A `Stamp` costs no reading, so it can be asked of every file of a series. Copies that keep their
times may have that of another file of as many bytes: a `ContentStamp` tells these apart, too.
"""

from __future__ import annotations

import zlib
from pathlib import Path

Stamp = tuple[int, int]  # size in bytes, and when it was changed, ns
ContentStamp = tuple[int, int, int]  # the same, and a sum over some of its bytes

SAMPLED_BYTES = 16_384  # at either end of a file and in its middle


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file; None where it can't be asked."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def content_stamp_of(path: Path) -> ContentStamp | None:
    """The stamp of a file and its content; None for what is no file, or can't be read."""
    stamp = stamp_of(path)
    if stamp is None or not path.is_file():
        return None
    total, size = 0, stamp[0]
    try:
        with path.open("rb") as file:
            for place in (0, size // 2, max(0, size - SAMPLED_BYTES)):
                file.seek(place)
                total = zlib.crc32(file.read(SAMPLED_BYTES), total)
    except OSError:
        return None
    return *stamp, total
