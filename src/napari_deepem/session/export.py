"""Picks and marks of a session as coordinate files.

What is to be written is made first, path by path, so that a view can ask before it replaces files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.session.state import Session

FORMATS = {"RELION (.star)": ".star", "EMAN (.box)": ".box", "Table (.csv)": ".csv"}
NOTHING_SCORED = "Nothing to save yet: score a micrograph in the Pick dock first."
NOTHING_MARKED = "Nothing to save yet: mark particles in the Annotate dock first."


def current_picks(session: Session, path: Path, suffix: str) -> dict[Path, Picks]:
    """The current micrograph's picks; the path is given the suffix if it has another."""
    if session.picks is None:
        raise InputError(NOTHING_SCORED)
    path = path if path.suffix == suffix else path.with_name(path.name + suffix)
    return {path: session.picks}


def all_picks(session: Session, folder: Path, suffix: str) -> dict[Path, Picks]:
    """One file, named as the micrograph, in `folder` for every scored micrograph."""
    if not session.scored:
        raise InputError(NOTHING_SCORED)
    return {
        folder / f"{name}{suffix}": session.select(scored.candidates)
        for name, scored in session.scored.items()
    }


def marked_particles(session: Session, folder: Path, suffix: str) -> dict[Path, Picks]:
    """One file, named as the micrograph, in `folder` for each with marked particles."""
    marked = {
        folder / f"{name}{suffix}": Picks(labels.positive_yx, None, session.box_size_px)
        for name, labels in session.annotated().items()
        if len(labels.positive_yx)
    }
    if not marked:
        raise InputError(NOTHING_MARKED)
    return marked


def files_of_others(session: Session, paths: Iterable[Path]) -> list[Path]:
    """Those files that exist and are not as this session has written them."""
    return [
        path
        for path in paths
        if path.exists() and session.written.get(path.resolve()) != path.stat().st_mtime_ns
    ]


def write(session: Session, files: Mapping[Path, Picks]) -> None:
    """Write coordinate files, and remember that they are the session's own."""
    from napari_deepem.io.coordinates import write_coordinates

    for path, picks in files.items():
        write_coordinates(path, picks)
        session.written[path.resolve()] = path.stat().st_mtime_ns
