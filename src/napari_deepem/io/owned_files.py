"""The files that this program has written and may replace; those of others are left alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from napari_deepem.io.atomic import replacing

MOST_NAMES = 1_000_000  # of a record that is read
LARGEST_RECORD = 256 * MOST_NAMES  # bytes
_END = b"\0"  # of a name in a record: the one byte besides / that no name holds


class OwnedFiles:
    """The files that are ours: what was written, each until somebody changes it."""

    def __init__(self) -> None:
        self._times: dict[Path, int] = {}  # when, ns

    def __len__(self) -> int:
        return len(self._times)

    def add(self, path: Path) -> None:
        """Count a file as ours, as it is now."""
        self._times[_place(path)] = path.stat().st_mtime_ns

    def update(self, more: OwnedFiles) -> None:
        """Count as ours what others have noted as written."""
        self._times.update(more._times)

    def others(self, paths: Iterable[Path]) -> list[Path]:
        """The paths where there is a file that is not ours, which writing would replace."""
        return [path for path in paths if path.exists() and not self._is_ours(path)]

    def _is_ours(self, path: Path) -> bool:
        place = _place(path)
        return place in self._times and self._times[place] == path.stat().st_mtime_ns


@dataclass(frozen=True, slots=True)
class Records:
    """The records in a folder of which files there are ours, at any time.

    A record never changes once it is there, and is named after what it holds. So any number of runs
    may write into a folder at once, on network disks too, where appending and locks are not to be
    trusted: each adds a record of its own, and removes none but those that its own covers.
    """

    folder: Path
    start: str  # of a record's name, a hidden file's

    def names(self) -> frozenset[str]:
        """The names of files that are on any record; one that can't be read gives no rights."""
        return frozenset().union(*(names for _, names in self._read()))

    def add(self, names: Iterable[str]) -> None:
        """Put names on record, before the first of these files is written.

        Raises
        ------
        InputError
            The record can't be written.
        """
        added = frozenset(names)
        content = b"".join(os.fsencode(name) + _END for name in sorted(added))
        record = self.folder / f"{self.start}{_digest(content)}"
        earlier = self._read()
        if record not in (path for path, _ in earlier):
            with replacing(record) as temporary:
                temporary.write_bytes(content)
        for path, covered in earlier:
            if path != record and covered <= added:
                with suppress(OSError):  # somebody else's, in a folder of many
                    path.unlink()

    def _read(self) -> list[tuple[Path, frozenset[str]]]:
        while True:
            try:
                return [
                    (path, frozenset(map(os.fsdecode, content.split(_END)[:-1])))
                    for path in self._paths()
                    if self._holds(path, content := _content_of(path))
                ]
            except FileNotFoundError:  # another run has just covered one of them: look again
                continue

    def _paths(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        try:
            with os.scandir(self.folder) as entries:
                return [
                    Path(entry)
                    for entry in entries
                    if entry.name.startswith(self.start)
                    and entry.is_file(follow_symlinks=False)
                    and entry.stat().st_size <= LARGEST_RECORD
                ]
        except PermissionError:
            return []

    def _holds(self, path: Path, content: bytes) -> bool:
        """Whether that is what was written into a record, and no more than ever is."""
        is_whole = _digest(content) == path.name[len(self.start) :]
        return is_whole and content.count(_END) <= MOST_NAMES


def _content_of(path: Path) -> bytes:
    """The content of a record; nothing of one that somebody else keeps to himself."""
    try:
        return path.read_bytes()
    except PermissionError:
        return b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _place(path: Path) -> Path:
    return path.parent.resolve() / path.name
