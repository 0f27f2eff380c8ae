"""Labels of a session: those under the cursor, added, taken away, read from files."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.training.label_advice import LabelledImage, on_outside, on_repeated
from napari_deepem.core.types import LABEL_KINDS, NO_LABELS, FloatArray, LabelKind, Labels
from napari_deepem.io.coordinates import FORMATS, SUFFIXES, open_source, read_coordinate_set
from napari_deepem.io.images import read_shape
from napari_deepem.session.state import Session


def _filter(title: str, suffixes: Sequence[str]) -> str:
    return f"{title} ({' '.join(f'*{suffix}' for suffix in suffixes)})"


FILE_FILTERS = ";;".join(  # of a file dialog
    [
        _filter("All coordinates", SUFFIXES),
        *(_filter(f.title, f.suffixes) for f in sorted(FORMATS, key=lambda f: f.title.lower())),
    ]
)


@dataclass(frozen=True, eq=False, slots=True)
class LabelIndex:
    """The place of one of a micrograph's labels: its kind, and its index among those."""

    kind: LabelKind
    index: int


def centres_of(labels: Labels, kind: LabelKind) -> FloatArray:
    """The (n, 2) positions of the labels of one kind, original pixels."""
    return labels.positive_yx if kind == "positive" else labels.negative_yx


def with_centres(labels: Labels, kind: LabelKind, centres_yx: FloatArray) -> Labels:
    """The labels with these positions of one kind in place of those that there are."""
    return replace(labels, **{f"{kind}_yx": centres_yx})


def label_at(labels: Labels, position_yx: FloatArray, reach_px: float) -> LabelIndex | None:
    """The nearest label whose square, `reach_px` to each side, holds a position; None: none."""
    nearest_px, label = np.inf, None
    for kind in LABEL_KINDS:
        offsets = centres_of(labels, kind) - position_yx
        within = np.abs(offsets).max(axis=1, initial=0.0) <= reach_px
        distances = np.where(within, np.hypot(*offsets.T), np.inf)
        if len(distances) and distances.min() < nearest_px:
            nearest_px, label = distances.min(), LabelIndex(kind, int(distances.argmin()))
    return label


def moved(labels: Labels, label: LabelIndex, position_yx: FloatArray) -> Labels:
    """The labels with one of them at another place."""
    centres_yx = centres_of(labels, label.kind).copy()
    centres_yx[label.index] = position_yx
    return with_centres(labels, label.kind, centres_yx)


def without(labels: Labels, label: LabelIndex) -> Labels:
    """The labels without one of them."""
    centres_yx = np.delete(centres_of(labels, label.kind), label.index, axis=0)
    return with_centres(labels, label.kind, centres_yx)


def without_inside(labels: Labels, outline_yx: FloatArray) -> Labels:
    """The labels of both kinds without those centred in an outline of (n, 2) corners."""
    from matplotlib.path import Path as Outline

    if len(outline_yx) < 3:
        return labels
    outline = Outline(outline_yx)
    for kind in LABEL_KINDS:
        centres_yx = centres_of(labels, kind)
        labels = with_centres(labels, kind, centres_yx[~outline.contains_points(centres_yx)])
    return labels


def with_more(labels: Labels, kind: LabelKind, centres_yx: FloatArray) -> Labels:
    """The labels with more of one kind; none is there twice."""
    both = np.concatenate([centres_of(labels, kind), centres_yx])
    _, first = np.unique(both, axis=0, return_index=True)
    return with_centres(labels, kind, both[np.sort(first)])


@dataclass(frozen=True, eq=False, slots=True)
class LabelsRead:
    """The particles that files have for micrographs of a session."""

    centres_yx: Mapping[str, FloatArray]  # (n, 2) by micrograph, on its image; n > 0
    remarks: tuple[str, ...]  # on what is left out


def reading_labels(session: Session, path: Path) -> Generator[None, None, LabelsRead]:
    """The job that reads a coordinate file, or a folder of them, for a session.

    A file that names none of its micrographs is taken for the current one. The session is read
    here, on the caller's thread.

    Raises
    ------
    InputError
        Of the job: a file can't be read, there is nothing for any of the micrographs, or more
        than a few positions lie outside of one.
    """
    shapes = {name: micrograph.shape for name, micrograph in session.micrographs.items()}
    files = dict(session.files)
    current = session.current

    def job() -> Generator[None, None, LabelsRead]:
        yield
        source = open_source(path)
        fallback = list(files or shapes) if path.is_dir() or current is None else [current]
        known = list(source.match({**files, **shapes}))
        by_name = read_coordinate_set(source, known or fallback)
        if not any(map(len, by_name.values())):
            raise InputError(f"{path}: holds no positions; choose another file")
        centres_by_name: dict[str, FloatArray] = {}
        total = repeated = 0
        for name, picks in by_name.items():
            yield
            shape = shapes[name] if name in shapes else read_shape(files[name])
            inside_yx = LabelledImage(name, Labels.of(picks), shape).inside().positive_yx
            centres_yx = centres_of(with_more(NO_LABELS, "positive", inside_yx), "positive")
            total, repeated = total + len(inside_yx), repeated + len(inside_yx) - len(centres_yx)
            if len(centres_yx):
                centres_by_name[name] = centres_yx
        given = sum(map(len, by_name.values()))
        remarks = (*on_outside(given - total, given), *on_repeated(repeated))
        return LabelsRead(centres_by_name, (*source.remarks, *remarks))

    return job()


def add_labels(session: Session, centres_yx: Mapping[str, FloatArray], kind: LabelKind) -> None:
    """Add labels to those of several micrographs, in one step of the history."""
    more = {
        name: with_more(session.labels_of(name), kind, each) for name, each in centres_yx.items()
    }
    session.labels = {**session.labels, **more}
