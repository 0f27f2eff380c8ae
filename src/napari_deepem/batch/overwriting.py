"""Files that are there already, where a command is to write: they are replaced only if told to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.wording import listed


def refuse_to_replace(paths: Iterable[Path]) -> None:
    """Raise InputError if one of the files is there."""
    present = [str(path) for path in paths if path.exists()]
    if present:
        raise InputError(
            f"{listed(present)} would be replaced: choose another place, or allow it with "
            "--overwrite"
        )
