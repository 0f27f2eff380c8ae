"""The files that this program has written and may replace; those of others are left alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path


class OwnedFiles:
    """The files that are ours: what was written, each until somebody changes it."""

    def __init__(self) -> None:
        self._times: dict[Path, int | None] = {}  # when, ns; None: it counts at any time

    @classmethod
    def named(cls, folder: Path, names: Iterable[str]) -> OwnedFiles:
        """The files of a folder that a record names: it does not say when they were written."""
        owned, place = cls(), folder.resolve()
        owned._times = {place / name: None for name in names}
        return owned

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
        if place not in self._times:
            return False
        return self._times[place] in (None, path.stat().st_mtime_ns)


def names_on_record(record: Path, key: str | None = None) -> frozenset[str] | None:
    """The names of files on a record: a JSON list, or with a key the list there in a JSON object.

    There are none without a record; None for a file that is something else.
    """
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        names = content if key is None else content[key]
    except FileNotFoundError:
        return frozenset()
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(names, list):
        return None
    return frozenset(name for name in names if isinstance(name, str))


def _place(path: Path) -> Path:
    return path.parent.resolve() / path.name
