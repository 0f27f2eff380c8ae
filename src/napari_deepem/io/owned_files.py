"""The files that this program has written and may replace; those of others are left alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


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


def _place(path: Path) -> Path:
    return path.parent.resolve() / path.name
