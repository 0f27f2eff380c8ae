"""Micrographs that are open without their folder: their labels are in its session all the same.

Only labels and verdicts are, and the size of the box: a model belongs to the series of a folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import NO_LABELS, Labels
from napari_deepem.io.images import list_micrographs, micrograph_name
from napari_deepem.io.session_file import SessionFile, Stored
from napari_deepem.io.session_labels import labels_in, points_of, verdicts_in
from napari_deepem.session.kept import Kept, open_kept, over
from napari_deepem.session.left_out import damage_text, refusal_text
from napari_deepem.session.open_folder import named_as_kept
from napari_deepem.session.persistence import (
    set_if_possible,
    with_all_labels,
)
from napari_deepem.session.state import Session


@dataclass(frozen=True, eq=False, slots=True)
class Marks:
    """What a user said of one micrograph."""

    labels: Labels = NO_LABELS
    verdicts: Labels = NO_LABELS

    @classmethod
    def of(cls, session: Session, name: str) -> Marks:
        """The labels and verdicts that a session has of a micrograph now."""
        return cls(session.labels_of(name), session.verdicts.get(name, NO_LABELS))

    def same(self, other: Marks) -> bool:
        """Whether both are the very same values: they are frozen, so that tells enough."""
        return self.labels is other.labels and self.verdicts is other.verdicts


@dataclass(frozen=True, eq=False, slots=True)
class SingleFolder:
    """The session of a folder of which single files are open, and what its files go by there."""

    folder: Path
    kept: Kept
    names: Mapping[str, str] = field(default_factory=dict)  # by file name

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be told when it is opened."""
        return tuple(filter(None, (self.kept.remark, damage_text(self.kept.stored.damaged))))

    def name_of(self, file: Path) -> str:
        """The name that a file has in the session of its folder."""
        return self.names.get(file.name) or micrograph_name(file)

    def marks_of(self, file: Path) -> Marks:
        """The labels and verdicts that were kept of a file."""
        name = self.name_of(file)
        of_file = replace(self.kept.stored, points={name: self.kept.stored.points.get(name, {})})
        return Marks(
            labels_in(of_file).get(name, NO_LABELS),
            verdicts_in(of_file).get(name, NO_LABELS),
        )

    def with_change(self, change: Stored) -> SingleFolder:
        """The same after a change was written."""
        return replace(self, kept=replace(self.kept, stored=over(self.kept.stored, change)))

    def change(self, file: Path, marks: Marks, box_size_px: int | None) -> Stored:
        """What is to be written for the session to hold what is said of a file."""
        name = self.name_of(file)
        return Stored(
            {} if box_size_px is None else {"box_size_px": box_size_px},
            {name: points_of(marks.labels, marks.verdicts)},
            files={name: file.name},
        )


@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """What has changed of one micrograph, and the file that it is to be written into."""

    name: str
    marks: Marks
    file: SessionFile
    stored: Stored
    number: int  # counted up: an older one is not written over a newer one


def open_single(folder: Path) -> SingleFolder:
    """The session of a folder, opened for single files of it."""
    kept = open_kept(folder)
    try:
        files = list_micrographs(folder)
    except InputError:  # its files have another suffix, or are gone by now
        files = {}
    named = named_as_kept(files, kept.stored.files)
    return SingleFolder(folder, kept, {path.name: name for name, path in named.items()})


def take_marks(session: Session, name: str, marks: Marks, settings: Mapping[str, Any]) -> str:
    """Add what was kept of a micrograph to what is said of it by now: nothing to undo.

    Where nothing is labelled yet, the box comes along, from the settings that were kept; a line on
    that comes back where it is not possible here.
    """
    remark, box = "", "box_size_px"
    takes_box = not session.files and not session.labelled()
    if takes_box and not set_if_possible(session, settings, box):
        remark = refusal_text({box: settings[box]})
    with session.edits.no_step():
        for field_name, kept in (("labels", marks.labels), ("verdicts", marks.verdicts)):
            values = getattr(session, field_name)
            if kept is not NO_LABELS:
                joined = with_all_labels({name: kept}, values)
                setattr(session, field_name, {**values, name: joined[name]})
    return remark
