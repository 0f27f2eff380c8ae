"""Picks of a session as coordinate files."""

from __future__ import annotations

from pathlib import Path

from napari_deepem.core.errors import InputError

from .state import Session

FORMATS = {"RELION (.star)": ".star", "EMAN (.box)": ".box", "Table (.csv)": ".csv"}
NOTHING_SCORED = "Nothing to save yet: score a micrograph in the Pick dock first."


def write_picks(session: Session, path: Path, suffix: str) -> tuple[Path, int]:
    """Write the current micrograph's picks in the format of `suffix`.

    Returns the path, which is given the suffix if it has another, and how many picks it holds.
    """
    from napari_deepem.io.coordinates import write_coordinates

    if session.picks is None:
        raise InputError(NOTHING_SCORED)
    path = path if path.suffix == suffix else path.with_name(path.name + suffix)
    write_coordinates(path, session.picks)
    return path, len(session.picks)


def write_all_picks(session: Session, folder: Path, suffix: str) -> list[Path]:
    """Write one file, named as the micrograph, into `folder` for every scored micrograph."""
    from napari_deepem.io.coordinates import write_coordinates

    if not session.scored:
        raise InputError(NOTHING_SCORED)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: choose an existing one.")
    paths = [folder / f"{name}{suffix}" for name in session.scored]
    for scored, path in zip(session.scored.values(), paths, strict=True):
        write_coordinates(path, session.select(scored.candidates))
    return paths
