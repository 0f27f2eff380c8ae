"""The bytes of one file, decompressed, and never more of them than the file itself answers for."""

from __future__ import annotations

import bz2
import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError

LARGEST_EXPANSION = 10  # times a compressed file: counts of few electrons reach it, no other image
SMALL = 270_000_000  # bytes, of any file: 8192 x 8192 pixels or 400**3 voxels, mostly zeros or not
PIECE = 1 << 20  # bytes that are decompressed at a time


@dataclass(frozen=True, eq=False, slots=True)
class ByteStream:
    """The bytes of an open file, in their order."""

    path: Path
    source: IO[bytes]  # decompressed
    file_size: int  # bytes on disk
    is_compressed: bool

    def start(self, count: int) -> bytes:
        """The next `count` bytes, or as many as there are."""
        return self.source.read(count)

    def require(self, count: int, *, piece: int, working_size: int) -> None:
        """Make sure that `count` bytes may come next, before any memory is taken for them.

        They are taken in pieces, and `working_size` are the bytes that all of them end in.

        Raises
        ------
        InputError
            They are not all there, or can't be in a file of this size, or in the memory.
        """
        if self.is_compressed:
            self.require_likely_size(max(count, working_size), LARGEST_EXPANSION)
        elif count > self.file_size - self.source.tell():
            raise self.cut_short()
        self.require_memory(piece + working_size)

    def skip(self, count: int) -> None:
        """Pass over the next bytes."""
        self.source.seek(count, os.SEEK_CUR)

    def take(self, count: int, *, is_last: bool) -> NDArray[np.uint8]:
        """(count,) bytes that come next; InputError where they are not all there.

        After the last ones gzip is let check what it gave, which it does at its end; damage may
        make it longer.
        """
        content = np.empty(count, dtype=np.uint8)
        for first in range(0, count, PIECE):
            piece = content[first : first + PIECE]
            if self.source.readinto(piece.data) < len(piece):  # type: ignore[attr-defined]
                raise self.cut_short()
        if is_last:
            self.source.read(PIECE)
        return content

    def take_at(self, offset: int, count: int) -> bytes:
        """The `count` bytes from `offset` on, of a plain file."""
        if not 0 <= offset <= self.file_size - count:
            raise self.cut_short()
        self.source.seek(offset)
        return self.source.read(count)

    def require_likely_size(self, size: int, largest_expansion: int) -> None:
        """Refuse a compressed file that asks for more than one of its size is likely to hold."""
        if size > max(SMALL, largest_expansion * self.file_size):
            raise InputError(
                f"{self.path}: {_size(self.file_size)} compressed, and its header asks for "
                f"{_size(size)}; if they are there, decompress it first"
            )

    def require_memory(self, size: int) -> None:
        """Refuse what is larger than the memory that is free."""
        if size <= SMALL:
            return
        import psutil  # by far most micrographs do without

        free = psutil.virtual_memory().available
        if size > free:
            raise InputError(
                f"{self.path}: needs {_size(size)} of memory, of which {_size(free)} are free; "
                "bin it first"
            )

    def cut_short(self) -> InputError:
        """The error of a file whose bytes are not all there."""
        return InputError(f"{self.path}: cut short, its pixels are not all there; copy it again")


@contextmanager
def opened(path: Path) -> Iterator[ByteStream]:
    """The bytes of a file, to read; whatever goes wrong meanwhile is said as an InputError."""
    size = _size_of_file(path)
    try:
        with path.open("rb") as file:
            magic = file.read(3)  # neither magic can start an MRC file: it would be too wide
            file.seek(0)
            if magic == b"\x1f\x8b\x08":
                with gzip.open(file) as gunzipped:
                    yield ByteStream(path, cast(IO[bytes], gunzipped), size, is_compressed=True)
            elif magic == b"BZh":
                with bz2.open(file) as stream:
                    yield ByteStream(path, stream, size, is_compressed=True)
            else:
                yield ByteStream(path, file, size, is_compressed=False)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        raise InputError(
            f"{path}: compressed file is damaged or cut short; copy it again"
        ) from error
    except MemoryError as error:
        raise InputError(f"{path}: larger than the memory; bin it first") from error


def _size_of_file(path: Path) -> int:
    """The bytes of a file on disk; InputError for what is none: a pipe would never end."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(_unreachable(path, error)) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path}: a folder, not a file; name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: a pipe or a device, not a file; leave it out")
    if status.st_size == 0:
        raise InputError(f"{path}: empty file; copy it again")
    return status.st_size


def _unreachable(path: Path, error: OSError) -> str:
    if os.path.islink(path):  # noqa: PTH114 (that fails for a name that is too long)
        return (
            f"{path}: a link to {path.readlink()}, which can't be reached; mend it or leave it out"
        )
    if isinstance(error, FileNotFoundError):
        return f"{path}: no such file; check the path"
    return f"{path}: cannot be read: {error.strerror or error}"


def _size(count: int) -> str:
    """A number of bytes in words."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
