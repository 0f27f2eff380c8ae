"""The labels of two people as one set: from session files, or files of coordinates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_deepem.batch.overwriting import refuse_to_replace
from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.agreement import NO_AGREEMENT, Agreement, Keep, merge_labels
from napari_deepem.core.evaluation.verdicts import unite
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.picking.suppression import once
from napari_deepem.core.types import LABEL_KINDS, NO_LABELS, Labels, Picks
from napari_deepem.io.atomic import replacing
from napari_deepem.io.coordinates import (
    MicrographPicks,
    format_called,
    match_names,
    open_source,
    targets_of,
    write_coordinate_set,
)
from napari_deepem.io.session_file import SessionFile, Stored, look_into
from napari_deepem.io.session_labels import labels_in, points_of, verdicts_in
from napari_deepem.io.session_places import SESSION_FILE

BOX = "box_size_px"  # as a session's settings have it
NON_PARTICLES = "non-particles"  # the folder beside the particles for what is none


@dataclass(frozen=True, eq=False, slots=True)
class LabelSet:
    """One person's labels of many micrographs."""

    labels: Mapping[str, Labels]
    box_size_px: int | None = None  # None where it is not known
    files: Mapping[str, str] | None = None  # file names by micrograph; None: from no session
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class MergedLabels:
    """Two people's labels as one set, how far they agree, and what was written."""

    labels: dict[str, Labels]
    agreements: dict[str, Agreement]  # of the micrographs that both have labelled
    of_one: list[str]  # micrographs that one alone has labelled
    radius_px: float
    paths: list[Path]
    remarks: tuple[str, ...]

    @property
    def agreement(self) -> Agreement:
        """The agreement on all micrographs that both have labelled."""
        return sum(self.agreements.values(), NO_AGREEMENT)


def merge_label_files(
    first: Path,
    second: Path,
    out: Path,
    *,
    box_size_px: int | None = None,
    keep: Keep = "either",
    format: str = "star",
    overwrite: bool = False,
) -> MergedLabels:
    """Two people's labels, merged and written into a folder.

    Particles and non-particles are written as coordinate files, the latter in a folder of their
    own; all labels, with what is unsure, as a session file too if one of the two has one.

    Parameters
    ----------
    first, second : Path
        A session file, or a folder that has one: its labels and verdicts. Or a file or folder of
        coordinates: these are particles.
    out : Path
        The folder to write into.
    box_size_px : int, optional
        Particle box, original pixels; as the sessions or coordinate files say by default.
    keep
        Whose particles are particles; of "both", micrographs that one alone has labelled are left
        out.
    format
        The name of the format of coordinates.
    overwrite
        Replace files that are there already.

    Raises
    ------
    InputError
        Something can't be read, no micrograph is in both, the box is not known, or a file would
        be replaced. Nothing is written then.
    """
    format_called(format)
    one, other = read_labels(first), read_labels(second)
    box_px = box_size_px or one.box_size_px or other.box_size_px
    if box_px is None:
        raise InputError(f"neither {first} nor {second} says how large the box is: give --box")
    shared = match_names(list(one.labels), list(other.labels))
    if not shared:
        raise InputError(
            f"no micrograph is labelled in both: {first} has {next(iter(one.labels))}, {second} "
            f"has {next(iter(other.labels))}; names must agree"
        )
    radius_px = SAME_PARTICLE_BOXES * box_px
    merged = {
        name: merge_labels(
            _each_once(one.labels[name], box_px),
            _each_once(other.labels[there], box_px),
            radius_px,
            keep,
        )
        for name, there in shared.items()
    }
    labels = {name: each for name, (each, _) in merged.items()}
    alone = _of_one(one, other, shared)
    if keep == "either":
        labels |= alone
    is_session = one.files is not None or other.files is not None
    files = {**(other.files or {}), **(one.files or {})} if is_session else None
    paths = _write(out, labels, box_px, files, format, overwrite)
    return MergedLabels(
        labels,
        {name: agreement for name, (_, agreement) in merged.items()},
        sorted(alone),
        radius_px,
        paths,
        tuple(dict.fromkeys((*one.remarks, *other.remarks, *_on_boxes(one, other, box_px)))),
    )


def read_labels(path: Path) -> LabelSet:
    """The labels in a session file, in a folder that has one, or in files of coordinates.

    Raises
    ------
    InputError
        There is none, or it can't be read.
    """
    session = path / SESSION_FILE if (path / SESSION_FILE).is_file() else path
    if session.suffix == Path(SESSION_FILE).suffix:
        return _labels_of_session(session)
    source = open_source(path)
    picks = {name: source.picks_of(name) for name in source.names}
    boxes = {each.box_size_px for each in picks.values() if each.box_size_px}
    return LabelSet(
        {name: Labels.of(each) for name, each in picks.items()},
        boxes.pop() if len(boxes) == 1 else None,
        remarks=tuple(source.remarks),
    )


def _labels_of_session(path: Path) -> LabelSet:
    stored = look_into(path)
    labels, verdicts = labels_in(stored), verdicts_in(stored)
    if not labels and not verdicts:
        raise InputError(f"{path}: nothing is labelled in it")
    box = stored.settings.get(BOX)
    box_size_px = box if isinstance(box, int) and box > 0 else None
    radius_px = SAME_PARTICLE_BOXES * (box_size_px or 0)
    return LabelSet(
        {
            name: unite(
                labels.get(name, NO_LABELS),
                replace(verdicts.get(name, NO_LABELS), unsure_yx=NO_LABELS.unsure_yx),
                radius_px,
            )
            for name in labels | verdicts
        },
        box_size_px,
        stored.files,
    )


def _on_boxes(one: LabelSet, other: LabelSet, box_size_px: int) -> list[str]:
    """The remark on boxes that differ; empty if none is needed."""
    sizes = one.box_size_px, other.box_size_px
    if None in sizes or sizes[0] == sizes[1]:
        return []
    return [f"boxes of {sizes[0]} and {sizes[1]} px: {box_size_px} px is taken, see --box"]


def _each_once(labels: Labels, box_size_px: int) -> Labels:
    return Labels.of(
        once(labels.positive_yx, box_size_px),
        once(labels.negative_yx, box_size_px),
        labels.unsure_yx,
    )


def _of_one(one: LabelSet, other: LabelSet, shared: Mapping[str, str]) -> dict[str, Labels]:
    """The labels of micrographs that one person alone has labelled."""
    in_other = set(shared.values())
    return {
        **{name: each for name, each in other.labels.items() if name not in in_other},
        **{name: each for name, each in one.labels.items() if name not in shared},
    }


def _write(
    out: Path,
    labels: Mapping[str, Labels],
    box_size_px: int,
    files: Mapping[str, str] | None,
    format: str,
    overwrite: bool,
) -> list[Path]:
    """The paths that were written: all checked before the first one is."""
    kinds = {
        folder: [
            MicrographPicks(name, Picks(centres_yx, None, box_size_px))
            for name, each in labels.items()
            if len(centres_yx := getattr(each, f"{kind}_yx")) or kind == "positive"
        ]
        for kind, folder in zip(LABEL_KINDS, (out, out / NON_PARTICLES), strict=True)
    }
    session = out / SESSION_FILE
    if files is not None:
        _refuse_a_windows_own(session)
    if not overwrite:
        targets = [
            path
            for folder, micrographs in kinds.items()
            for path in targets_of(format_called(format), folder, [m.name for m in micrographs])
        ]
        refuse_to_replace([*targets, *([session] if files is not None else [])])
    paths = [
        path
        for folder, micrographs in kinds.items()
        if micrographs
        for path in write_coordinate_set(folder, micrographs, format)
    ]
    if files is not None:
        points = {name: points_of(each, NO_LABELS) for name, each in labels.items()}
        known = {name: file for name, file in files.items() if name in labels}
        with replacing(session) as temporary:
            SessionFile(temporary).close(Stored({BOX: box_size_px}, points, files=known))
        paths.append(session)
    return paths


def _refuse_a_windows_own(session: Path) -> None:
    """Raise InputError if a session is open, or holds more than what is merged here."""
    if session.exists():
        file = SessionFile(session)
        try:
            is_ours = file.read().settings.keys() <= {BOX}
        finally:
            file.close()
        if not is_ours:
            raise InputError(f"{session} is the work of a window: choose another folder for --out")


def as_json_values(merged: MergedLabels) -> dict[str, Any]:
    """The figures of how far two people agree, all together and by micrograph."""
    return {
        **_figures(merged.agreement),
        "radius_px": merged.radius_px,
        "n_micrographs": len(merged.agreements),
        "n_labelled_by_one": len(merged.of_one),
        "micrographs": {name: _figures(each) for name, each in merged.agreements.items()},
    }


def _figures(agreement: Agreement) -> dict[str, Any]:
    distances_px = agreement.distances_px
    return {
        "f1": agreement.f1,
        "n_first": agreement.first,
        "n_second": agreement.second,
        "n_both": agreement.both,
        "n_contested": agreement.contested,
        "median_distance_px": float(np.median(distances_px)) if len(distances_px) else None,
    }


def least_agreed(agreements: Mapping[str, Agreement]) -> Iterable[str]:
    """The names of micrographs on which two people agree least, the worst first."""
    return sorted(agreements, key=lambda name: agreements[name].f1)
