"""Folders that picks are written into, where files that a user made are never touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.atomic import replacing, writable_folder
from napari_deepem.io.coordinates import WRITABLE, write_coordinates
from napari_deepem.io.owned_files import OwnedFiles, names_on_record

RECORD = ".napari-deepem-picks.json"  # names of the coordinate files in a folder that are ours


@dataclass(frozen=True, slots=True)
class PickFolder:
    """A folder for the coordinate files of certain micrographs, in certain formats."""

    folder: Path
    formats: tuple[str, ...]  # without dots
    ours: frozenset[str]  # names of files there that we may replace

    @classmethod
    def claim(cls, folder: Path, names: Sequence[str], formats: tuple[str, ...]) -> PickFolder:
        """The folder, made if need be, where no file of anybody else would be replaced or hidden.

        Raises
        ------
        InputError
            If it can't be written into, or holds coordinates of these micrographs that this
            program did not pick: labels, most likely.
        """
        writable_folder(folder)
        ours = _names_of_picks(folder)
        possible = (folder / f"{name}{suffix}" for name in names for suffix in WRITABLE)
        for path in OwnedFiles.named(folder, ours).others(possible):
            raise InputError(
                f"{path} was not picked by this program and would be replaced or hidden: choose "
                "another folder for the picks"
            )
        planned = {f"{name}.{suffix}" for name in names for suffix in formats}
        return cls(folder, formats, ours | planned)

    def write(self, name: str, picks: Picks) -> list[Path]:
        """The paths of a micrograph's picks, written in every format; others of it are removed."""
        if not self.ours <= _names_of_picks(self.folder):
            with replacing(self.folder / RECORD) as temporary:
                temporary.write_text(json.dumps(sorted(self.ours), indent=0), encoding="utf-8")
        written = [self.folder / f"{name}.{suffix}" for suffix in self.formats]
        for path in written:
            write_coordinates(path, picks)
        for path in (self.folder / f"{name}{suffix}" for suffix in WRITABLE):
            if path not in written:
                path.unlink(missing_ok=True)  # ours, or `claim` had refused
        return written


def _names_of_picks(folder: Path) -> frozenset[str]:
    return names_on_record(folder / RECORD) or frozenset()  # a damaged one gives no rights
