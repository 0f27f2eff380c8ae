"""Particle coordinates in the field's file formats: the only room where x, y and corners exist.

`formats` has the list of them. Coordinates count from the first row in the file of an MRC image;
nothing is flipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates.coordinate_format import Format, Need
from napari_deepem.io.coordinates.formats import (
    FORMATS,
    SUFFIXES,
    format_called,
    formats_with_suffix_of,
    keeps_below,
)
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.name_matching import match_names
from napari_deepem.io.coordinates.source_opening import open_source, open_sources
from napari_deepem.io.coordinates.sources import (
    Source,
    names_left_out,
    names_matched,
    read_rows,
)
from napari_deepem.io.coordinates.write_checks import (
    HINTS,
    check_micrographs,
    options_by_format,
    targets_of,
    what_is_lost,
    what_is_missing,
)

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Format",
    "MicrographPicks",
    "Need",
    "Source",
    "coordinate_names",
    "format_called",
    "is_coordinate_file",
    "keeps_below",
    "match_names",
    "names_left_out",
    "names_matched",
    "open_source",
    "open_sources",
    "options_by_format",
    "read_coordinate_set",
    "read_coordinates",
    "targets_of",
    "what_is_lost",
    "what_is_missing",
    "write_coordinate_set",
    "write_coordinates",
]


def is_coordinate_file(path: Path) -> bool:
    """Whether a file holds coordinates, by its suffix and content; False if it can't be read."""
    try:
        return path.is_file() and any(
            format.recognises(path) for format in FORMATS if format.suffix_of(path)
        )
    except (InputError, OSError):
        return False


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
    rows = read_rows(path)
    if len(rows.micrographs) > 1:
        raise InputError(
            f"{path}: holds {len(rows.micrographs)} micrographs where one is expected; "
            "give a file of one micrograph"
        )
    return rows.picks()


def read_coordinate_set(path: str | Path | Source, names: Iterable[str]) -> dict[str, Picks]:
    """The particles of many micrographs, from a folder or a file.

    Parameters
    ----------
    path
        A folder with a file per micrograph, matched by name (see `match_names`); or one file that
        names the micrograph of each row; or one file for one micrograph. Or any of these opened.
    names
        The micrographs' names, as `micrograph_name` makes them.

    Returns
    -------
    dict of str to Picks
        Names that `path` has nothing for are left out.

    Raises
    ------
    InputError
        A file can't be read, there is nothing for any of the names, or one fits two names.
    """
    source = open_source(Path(path)) if isinstance(path, (str, Path)) else path
    return {name: source.picks_of(there) for name, there in names_matched(source, names).items()}


def coordinate_names(path: str | Path) -> list[str]:
    """The names of the micrographs that a folder or a file has coordinates for, sorted.

    Files of a folder that hold something else, such as a table of results, are passed over.

    Raises
    ------
    InputError
        The path is missing, can't be read, or a folder without coordinates.
    """
    return open_source(Path(path)).names


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
    format = formats_with_suffix_of(path)[0]
    micrographs = [MicrographPicks(format.name_of(path), picks)]
    check_micrographs(micrographs, format)
    format.write(path, micrographs, format.chosen({}))


def write_coordinate_set(
    path: str | Path,
    micrographs: Sequence[MicrographPicks],
    format: str,
    options: Mapping[str, str] | None = None,
    hints: Mapping[Need, str] = HINTS,
) -> list[Path]:
    """The paths of the files that the picks of many micrographs were written to.

    Parameters
    ----------
    path
        A folder; where a single file is written, that file may be named.
    micrographs
        Each name once.
    format
        Its name, such as "star": see `FORMATS`.
    options
        Values of the format's own options, by name.
    hints
        How a user gives what a format may need, for the line that says it is missing.

    Raises
    ------
    InputError
        The format or an option is unknown, the format needs what is not known, or a number is not
        finite: nothing is written then. Or a file can't be written there.
    """
    path, kind = Path(path), format_called(format)
    chosen = kind.chosen(options or {})
    files = targets_of(kind, path, [micrograph.name for micrograph in micrographs])
    check_micrographs(micrographs, kind, hints)
    if kind.is_one_file:
        kind.write(files[0], micrographs, chosen)
    else:
        for file, micrograph in zip(files, micrographs, strict=True):
            kind.write(file, [micrograph], chosen)
    return files
