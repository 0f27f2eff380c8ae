"""RELION's project: the folder from which its programs run, and its names of files start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks

PIPELINE = "default_pipeline.star"
# a job's folder holds a copy of the pipeline file
_JOB = re.compile(r"job\d{3,}")
_UP_TO_JOB = re.compile(r"^.*?/job\d{3}[^/]*/")
_FRAME = re.compile(r"^(.*/)(\d+@)([^/]*)$")
_SUFFIX = re.compile(r"\.[^./]*$")


def project_of(folder: Path) -> Path | None:
    """The project that a folder lies in, as an absolute path; None where there is none."""
    for above in (folder.absolute(), *folder.absolute().parents):
        if not _JOB.fullmatch(above.name) and (above / PIPELINE).is_file():
            return above
    return None


def without_job(name: str) -> str:
    """The name of a file without the folder of the job that made it, if a job did.

    What RELION adds to a job's folder for what it makes of that file
    (`decomposePipelineFileName`).
    """
    return _UP_TO_JOB.sub("", name)


def without_suffix(name: str) -> str:
    """The name of a file without what follows the last dot in it."""
    return _SUFFIX.sub("", name)


def name_in_project(micrograph: MicrographPicks, folder: Path) -> str:
    """The name of a micrograph in RELION's files of a folder: from the project, or where we are.

    A name that is no file's here stays as it is: another program gave it.
    """
    if micrograph.path is None:
        return f"{micrograph.name}.mrc"
    path = Path(micrograph.path)
    name = path_in_project(path, folder)
    return name if path.exists() else _FRAME.sub(r"\2\1\3", name)  # RELION's number comes first


def path_in_project(path: Path, folder: Path) -> str:
    """The path of a file in RELION's files of a folder: see `name_in_project`."""
    root = project_of(folder) or Path.cwd()
    if path.is_absolute() or path.exists():
        whole = path.absolute()
        for place, start in ((whole, root), (path.parent.resolve() / path.name, root.resolve())):
            if place.is_relative_to(start):
                return place.relative_to(start).as_posix()
        return whole.as_posix()
    return path.as_posix()


def place_in_job(folder: Path, micrograph: str, ending: str) -> Path:
    """The path of what is made of a micrograph in a job's folder: in the folders of its own job.

    Raises
    ------
    InputError
        That would not be in the job's folder.
    """
    place = Path(f"{without_suffix(without_job(micrograph)).lstrip('/')}{ending}")
    path = folder / place
    if ".." in place.parts or not path.is_relative_to(folder):  # as of another drive
        raise InputError(
            f"{micrograph}: its picks would lie outside of {folder}; name it from the project on"
        )
    return path


def roots_of(folder: Path) -> Iterator[Path]:
    """The folders from which the names in a RELION file of a folder may start, likeliest first."""
    project = project_of(folder)
    if project is not None:
        yield project
    yield Path.cwd()
    yield from (folder.absolute(), *folder.absolute().parents)
