"""The folder of an External job of RELION: the names in it, and what the pipeline reads there.

As RELION's own programs have it (`pipeline_control.cpp`, `pipeliner.cpp`, `autopicker.cpp`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.autopick import ENDING, OLD_PLACE, write_list
from napari_deepem.io.coordinates.parsing import read_lines, write_text
from napari_deepem.io.coordinates.relion_project import (
    PIPELINE,
    path_in_project,
    place_in_job,
)
from napari_deepem.io.coordinates.star_tables import Block, quoted, write_tables

LIST = "autopick.star"
OUTPUT_NODES = "RELION_OUTPUT_NODES.star"
ABORT_ASKED = "RELION_JOB_ABORT_NOW"
SETTINGS = "picked_with.txt"  # what all picks in the folder were made with, in one line
End = Literal["SUCCESS", "FAILURE", "ABORTED"]
# of a node that is a list of coordinate files; RELION 3.1 has numbers instead of labels
_TYPE_LABEL = "MicrographCoordsGroup.star.relion.autopick"
_TYPE_NUMBER = "2"


def mark_end(folder: Path, end: End | None) -> None:
    """Tell the pipeline how the job has ended; None: it has just begun."""
    for each in get_args(End):
        (folder / f"RELION_JOB_EXIT_{each}").unlink(missing_ok=True)
    if end is None:
        (folder / ABORT_ASKED).unlink(missing_ok=True)
    else:
        (folder / f"RELION_JOB_EXIT_{end}").touch()


def begin(folder: Path, places: Iterable[Path], settings: str) -> None:
    """Put on record what is picked with; picks of other settings are removed.

    Raises
    ------
    InputError
        There are picks that no such job has made.
    """
    record = folder / SETTINGS
    present = [place for place in places if place.exists()]
    if not record.exists() and present:
        raise InputError(
            f"{present[0]} was not picked by this job and would be replaced: give --o a folder of "
            "its own"
        )
    if not record.exists() or [line for _, line in read_lines(record)] != [settings]:
        for place in present:
            place.unlink()
        write_text(record, f"{settings}\n")


def write_lists(folder: Path, micrographs_star: Path, micrographs: Iterable[str]) -> None:
    """Write the list of the micrographs with picks, and that of RELION 3; then what is output."""
    write_list(folder / LIST, [(name, place_in_job(folder, name, ENDING)) for name in micrographs])
    write_text(folder / OLD_PLACE, f"{path_in_project(micrographs_star, folder)}\n")
    is_old = _is_of_relion_3(Path(PIPELINE))
    node = quoted(path_in_project(folder / (OLD_PLACE if is_old else LIST), folder))
    column, kind = ("Type", _TYPE_NUMBER) if is_old else ("TypeLabel", _TYPE_LABEL)
    labels = ("_rlnPipeLineNodeName", f"_rlnPipeLineNode{column}")
    write_tables(folder / OUTPUT_NODES, Block("output_nodes", labels, [(node, kind)]))


def _is_of_relion_3(pipeline: Path) -> bool:
    """Whether a project is RELION 3's, whose pipeline has numbers for the kinds of processes."""
    if not pipeline.is_file():
        return False
    labels = {line.split(maxsplit=1)[0] for _, line in read_lines(pipeline) if line[:1] == "_"}
    return "_rlnPipeLineProcessType" in labels
