"""RELION's list of a picking job: which file has the coordinates on which micrograph.

Since 4.0 a STAR file, `autopick.star`, pairs them. Before, a file of one line,
`coords_suffix_autopick.star`, names the STAR file of the micrographs, and the end of its own name
is that of the files in the folders of the job (`preprocessing.cpp`, `pipeline_jobs.cpp`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray, PickFeature
from napari_deepem.io.coordinates import box, star
from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.parsing import MOST_LINES, is_file, read_lines, write_text
from napari_deepem.io.coordinates.relion_project import (
    name_in_project,
    path_in_project,
    place_in_job,
    roots_of,
    without_job,
    without_suffix,
)
from napari_deepem.io.coordinates.rows import MOST_MICROGRAPHS, NO_SCORE, Rows
from napari_deepem.io.coordinates.star_coordinates import (
    COORDINATES,
    MICROGRAPH,
    kind_of,
    read_micrograph_names,
    read_star,
)
from napari_deepem.io.coordinates.star_tables import Block, quoted, read_tables, write_tables

ENDING = "_autopick.star"  # of a micrograph's own file
OURS = "picked by napari-deepem"  # the comment by which a file is known that may be replaced
OLD_PLACE = f"coords_suffix{ENDING}"  # of the list of RELION 3
_OLD_START = "coords_suffix"
# in a job's folder, best first
LISTS = ("autopick.star", "manualpick.star", OLD_PLACE, f"{_OLD_START}_manualpick.star")


@dataclass(frozen=True, eq=False, slots=True)
class _Listed:
    """A file of coordinates that a list names."""

    micrograph: str
    file: Path


def recognises(path: Path) -> bool:
    """Whether a file is such a list: of RELION 3 by its name, else by its content."""
    return path.name.startswith(_OLD_START) or kind_of(path) == "files"


def read(path: Path) -> Rows:
    """The rows of all files of a list.

    Names of files start from the project; where there is none, from the folder that we are in, or
    one from the list's own upwards.

    Raises
    ------
    InputError
        The list or a file of it can't be read or is missing, one is listed twice, or all together
        hold more rows than coordinates ever have.
    """
    if path.name.startswith(_OLD_START):
        listed = list(_listed_by_relion_3(path))
    else:
        listed = list(_listed(path))
    _refuse_twins(path, (each.micrograph for each in listed))
    _refuse_twins(path, (str(each.file.resolve()) for each in listed))
    parts, n_rows = list[Rows](), 0
    for each in listed:
        reads = box.read if each.file.name.lower().endswith(".box") else read_star
        parts.append(reads(each.file))
        n_rows += len(parts[-1].centres_yx)
        if n_rows > MOST_LINES:
            raise InputError(f"{path}: its files hold more than {MOST_LINES} rows; divide it")
    return _joined([each.micrograph for each in listed], parts)


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write the list, for RELION 3 too, and a file for each micrograph, where its jobs look for it.

    RELION fails on a micrograph without picks, so its file stands in no list.

    Raises
    ------
    InputError
        A file would replace one that somebody else has written.
    """
    folder = path.parent
    names = [name_in_project(each, folder) for each in micrographs]
    files = [_place_of(folder, name, each) for name, each in zip(names, micrographs, strict=True)]
    for file in files:
        _refuse_to_replace(file)
    for file, each in zip(files, micrographs, strict=True):
        star.write_picks(file, each.picks, OURS)
    listed = zip(names, files, micrographs, strict=True)
    write_list(path, [(name, file) for name, file, each in listed if len(each.picks)])
    write_text(path.parent / OLD_PLACE, f"{path_in_project(path, path.parent)}\n")


def _place_of(folder: Path, name: str, micrograph: MicrographPicks) -> Path:
    """The path of a micrograph's file: in the folders that it has in its own job, as RELION's.

    Beside the list where it lies outside of the project, in which RELION has no place for it.
    """
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        return folder / f"{micrograph.name}{ENDING}"
    return place_in_job(folder, name, ENDING)


def _refuse_to_replace(file: Path) -> None:
    if is_file(file) and next(read_lines(file), (1, ""))[1] != f"# {OURS}":
        raise InputError(f"{file} was not picked by this program: choose another folder")


def write_list(path: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Write the list of micrographs, as RELION names them, with their files."""
    rows = (
        (quoted(name), quoted(path_in_project(file, path.parent))) for name, file in list(files)
    )
    write_tables(path, Block("coordinate_files", (MICROGRAPH, COORDINATES), rows))


def _listed(path: Path) -> Iterator[_Listed]:
    find = _Finder(path.parent)
    labels = (MICROGRAPH, COORDINATES)
    for table, line, words in read_tables(path, labels, set(labels)):
        if words:
            micrograph, name = (words[table.index[label]] for label in labels)
            if not micrograph or not name:
                raise InputError(f"{path}, line {line}: expected a micrograph and its file")
            file = find(name)
            if file is None or not is_file(file):
                place = "" if file is None else f" at {file}"
                raise InputError(
                    f"{path}, line {line}: lists {name}, which is not there{place}; go to the "
                    "folder of the RELION project"
                )
            yield _Listed(micrograph, file)


class _Finder:
    """Where the files are that a list in a folder names: all from the same place as the first.

    From the project, or one of the folders that it may be; else in the list's own folder, which was
    copied.
    """

    def __init__(self, folder: Path) -> None:
        own_places = (
            lambda name: folder / without_job(name),
            lambda name: folder / PurePosixPath(name).name,
        )
        self._places: list[Callable[[str], Path]] = [
            *(root.joinpath for root in roots_of(folder)),
            *own_places,
        ]
        self._place: Callable[[str], Path] | None = None

    def __call__(self, name: str) -> Path | None:
        """The path of a file, which may be missing; None where the first is nowhere."""
        if self._place is None:
            self._place = next((place for place in self._places if is_file(place(name))), None)
        return self._place and self._place(name)


def _listed_by_relion_3(path: Path) -> Iterator[_Listed]:
    """Those files that are there: a micrograph without picks may have none."""
    ending = path.name.removeprefix(_OLD_START)
    listed = _only_line(path)
    micrographs_star = _Finder(path.parent)(listed)
    if micrographs_star is None:
        files = sorted(file for file in path.parent.iterdir() if file.name.endswith(ending))
        files.remove(path)
        yield from (_Listed(file.name.removesuffix(ending), file) for file in files)
        if not files:
            raise InputError(
                f"{path}: names {listed[:200]!r} for the micrographs, which is not there; go to "
                "the folder of the RELION project"
            )
        return
    names = read_micrograph_names(micrographs_star)
    n_there = 0
    for name in names:
        for file in _files_of_relion_3(path.parent, name, ending):
            if is_file(file):
                n_there += 1
                yield _Listed(name, file)
                break
    if not n_there:
        raise InputError(
            f"{path}: no file such as {file} for any of the {len(names)} micrographs of "
            f"{micrographs_star}; they belong into its folder"
        )


def _files_of_relion_3(folder: Path, micrograph: str, ending: str) -> tuple[Path, Path]:
    """Where a job of RELION 3 has the file of a micrograph, and where this program writes it."""
    stem = without_suffix(without_job(micrograph)).lstrip("/")
    return folder / f"{stem}{ending}", folder / f"{PurePosixPath(stem).name}{ending}"


def _only_line(path: Path) -> str:
    lines = [line.strip() for _, line in read_lines(path) if line.strip()]
    if len(lines) != 1:
        raise InputError(
            f"{path}: expected one line, with the STAR file of the micrographs; found {len(lines)}"
        )
    return lines[0]


def _refuse_twins(path: Path, names: Iterable[str]) -> None:
    listed = set[str]()
    for name in names:
        if name in listed:
            raise InputError(f"{path}: lists {name} twice; remove one of them")
        listed.add(name)
    if len(listed) > MOST_MICROGRAPHS:
        raise InputError(f"{path}: lists more than {MOST_MICROGRAPHS} files; divide it")


def _joined(micrographs: Sequence[str], parts: Sequence[Rows]) -> Rows:
    """The rows of many files as those of one that names their micrographs."""
    counts = [len(part.centres_yx) for part in parts]
    scores = None
    if any(part.scores is not None for part in parts):
        scores = np.concatenate(
            [
                np.full(count, NO_SCORE) if part.scores is None else part.scores
                for part, count in zip(parts, counts, strict=True)
            ]
        )
    names = dict.fromkeys(name for part in parts for name in part.features)
    sizes = {part.box_size_px for part in parts}
    return Rows(
        np.concatenate([np.empty((0, 2)), *(part.centres_yx for part in parts)]),
        scores,
        sizes.pop() if len(sizes) == 1 else None,
        tuple(micrographs),
        np.repeat(np.arange(len(parts)), counts),
        {name: _feature(name, parts) for name in names},
        tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
    )


def _feature(name: PickFeature, parts: Sequence[Rows]) -> FloatArray:
    return np.concatenate(
        [part.features.get(name, np.full(len(part.centres_yx), np.nan)) for part in parts]
    )


FORMAT = Format(
    name="autopick",
    title="RELION job: STAR files and their list",
    suffixes=(".star",),
    place="autopick.star",
    keeps=frozenset({"score", "angle", "class"}),
    recognises=recognises,
    read=read,
    write=write,
    beside=(OLD_PLACE,),
    lists=LISTS,
)
