"""Particle coordinates in the field's file formats: the only room where x, y and corners exist.

`formats` has the list of them. Coordinates count from the first row in the file of an MRC image;
nothing is flipped.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates.formats import FORMATS, READABLE, WRITABLE, format_of
from napari_deepem.io.coordinates.parsing import status_of
from napari_deepem.io.coordinates.rows import Rows
from napari_deepem.io.images.file_names import plain_name

__all__ = [
    "FORMATS",
    "READABLE",
    "WRITABLE",
    "coordinate_names",
    "read_coordinate_set",
    "read_coordinates",
    "write_coordinates",
]


def read_coordinates(path: str | Path) -> Picks:
    """The particles in a file of one micrograph.

    Returns
    -------
    Picks
        With length 0 for a file without rows; whether that is wrong, the caller knows.

    Raises
    ------
    InputError
        The file can't be read, or holds several micrographs.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import Picks, read_coordinates, write_coordinates
    >>> picks = Picks(np.array([[100.0, 120.0]]), scores=np.array([0.9]), box_size_px=64)
    >>> write_coordinates("grid1_0001.star", picks)
    >>> read_coordinates("grid1_0001.star").centres_yx
    array([[100., 120.]])
    """
    path = Path(path)
    rows = _read(path)
    if len(rows.micrographs) > 1:
        raise InputError(
            f"{path}: holds {len(rows.micrographs)} micrographs where one is expected; "
            "give a file of one micrograph"
        )
    return rows.picks()


def read_coordinate_set(path: str | Path, names: Iterable[str]) -> dict[str, Picks]:
    """The particles of many micrographs, from a folder or a file.

    Parameters
    ----------
    path
        A folder with a file per micrograph, matched by name; or one file that names the
        micrograph of each row; or one file for one micrograph.
    names
        The micrographs' names, as `micrograph_name` makes them.

    Returns
    -------
    dict of str to Picks
        Names that `path` has nothing for are left out.

    Raises
    ------
    InputError
        A file can't be read, or there is nothing for any of the names.
    """
    path, names = Path(path), list(names)
    if path.is_dir():
        files = _files_in(path)
        paired = [(name, _file_for(name, files)) for name in names]
        picks = {name: _read_one(file, name) for name, file in paired if file is not None}
        all_names = [file.name for file in files.values()]
    else:
        picks, all_names = _read_file(path, names)
    if not picks:
        first = all_names[0] if all_names else f"no {', '.join(READABLE)} files or rows"
        raise InputError(
            f"{path}: no coordinates for any of the {len(names)} micrographs, such as "
            f"{names[0] if names else 'none'}; it has {first}; names must agree"
        )
    return picks


def coordinate_names(path: str | Path) -> list[str]:
    """The names of the micrographs that a folder or a file has coordinates for, sorted.

    Files of a folder that hold something else, such as a table of results, are passed over.

    Raises
    ------
    InputError
        The path is missing, can't be read, or a folder without coordinates.
    """
    path = Path(path)
    if not path.is_dir():
        return sorted(_read_file(path, [])[1])
    files = _files_in(path)
    names = {format_of(file).name_of(file) for file in files.values()}
    paired = ((name, _file_for(name, files)) for name in sorted(names))
    recognised = [name for name, file in paired if file and format_of(file).recognises(file)]
    if not recognised:
        raise InputError(f"{path}: no coordinate files there ({', '.join(READABLE)})")
    return recognised


def write_coordinates(path: str | Path, picks: Picks) -> None:
    """Write the particles of one micrograph in the format of the path's suffix.

    Whole pixels in `.box` and `.star`, because RELION cuts fractions off; all decimals in `.csv`.

    Raises
    ------
    InputError
        The suffix is unknown, a `.box` file has no box size, a number is not finite, or the file
        can't be written there.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import Picks, read_coordinates, write_coordinates
    >>> picks = Picks(np.array([[100.0, 120.0]]), scores=np.array([0.9]), box_size_px=64)
    >>> write_coordinates("grid1_0001.star", picks)
    >>> read_coordinates("grid1_0001.star").centres_yx
    array([[100., 120.]])
    """
    path = Path(path)
    format = format_of(path)
    scores = np.empty(0) if picks.scores is None else picks.scores
    if not (np.isfinite(picks.centres_yx).all() and np.isfinite(scores).all()):
        raise InputError(f"cannot write {path}: some positions or scores are not numbers")
    format.write(path, picks)


def _read(path: Path) -> Rows:
    status_of(path)  # that it is missing comes before what its suffix says
    return format_of(path).read(path)


def _files_in(folder: Path) -> dict[str, Path]:
    """Coordinate files of a folder by their names, with the suffix as the registry has it.

    Folders are passed over, whatever they are called. What is a pipe, or a link to nowhere, tells
    when it is read.
    """
    files: dict[str, Path] = {}
    try:
        entries = sorted(folder.iterdir())
        for file in entries:
            if file.name.startswith(".") or not file.name.lower().endswith(READABLE):
                continue
            if file.is_dir():
                continue
            suffix = format_of(file).suffix
            other = files.setdefault(plain_name(file.name[: -len(suffix)]) + suffix, file)
            if other is not file:
                raise InputError(f"{other} and {file} have the same name: remove one of them")
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror or error}") from error
    return files


def _file_for(name: str, files: dict[str, Path]) -> Path | None:
    """The preferred file of one micrograph; None without any."""
    choices = (
        name + ending + format.suffix for format in FORMATS for ending in ("", *format.endings)
    )
    return next((files[choice] for choice in choices if choice in files), None)


def _read_one(file: Path, name: str) -> Picks:
    """Particles of one micrograph from its own file, which may name it once more."""
    rows = _read(file)
    if len(rows.micrographs) < 2:
        return rows.picks()
    divided = rows.by_name(file)
    if name not in divided:
        raise InputError(f"{file}: holds other micrographs, such as {min(divided)}, but not {name}")
    return divided[name]


def _read_file(path: Path, names: list[str]) -> tuple[dict[str, Picks], list[str]]:
    """Particles for those of the names that one file has, and every name it has."""
    rows = _read(path)
    if rows.micrographs:
        divided = rows.by_name(path)
        return {name: divided[name] for name in names if name in divided}, list(divided)
    own = {plain_name(path.name[: -len(format_of(path).suffix)]), format_of(path).name_of(path)}
    # A single file for a single micrograph is meant for it, whatever it is called.
    picks = {name: rows.picks() for name in names if name in own or len(names) == 1}
    return picks, [format_of(path).name_of(path)]
