"""The evaluation of coordinate files against the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.metrics import Evaluation, evaluate, f_beta
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.picking.suppression import once
from napari_deepem.core.training.label_advice import (
    on_exchanged_axes,
    on_reaches,
    on_repeated,
)
from napari_deepem.core.types import FloatArray
from napari_deepem.core.wording import counted
from napari_deepem.io.coordinates import match_names, open_source


@dataclass(frozen=True, eq=False, slots=True)
class FileEvaluation:
    """An evaluation, and which micrographs it covers."""

    evaluation: Evaluation
    names: list[str]  # micrographs with picks and truth
    without_truth: list[str]  # with picks alone, left out
    without_picks: list[str]  # with truth alone, left out
    other_name: str | None = None  # what a single file of truth calls it, if otherwise
    remarks: tuple[str, ...] = ()  # on what files have beside, and on positions


def evaluate_files(
    picks: Path, truth: Path, box_size_px: float, radius_px: float | None = None
) -> FileEvaluation:
    """The evaluation of all micrographs that both paths have coordinates for.

    Parameters
    ----------
    picks, truth : Path
        A folder with one coordinate file a micrograph, or one file for several. A particle
        that the truth has twice counts once.
    box_size_px : float
        Particle box, original pixels.
    radius_px : float, optional
        Matching radius; a quarter of the box by default.

    Raises
    ------
    InputError
        A file can't be used, no micrograph is in both, or the truth is empty.
    """
    for length in (box_size_px, 1.0 if radius_px is None else radius_px):
        if not 0 < length < inf:
            raise InputError("box and radius must be positive: give them in pixels")
    picked, true = open_source(picks), open_source(truth)
    with_picks, with_truth = picked.names, true.names
    matched = match_names(with_picks, with_truth)
    other_name = None
    if not matched and len(with_picks) == len(with_truth) == 1:
        matched = {with_picks[0]: with_truth[0]}  # whatever its name
        other_name = with_truth[0]
    if not matched:
        raise InputError(
            f"no micrograph has both picks and truth: {picks} has {with_picks[0]}, "
            f"{truth} has {with_truth[0]}; names must agree"
        )
    names = list(matched)
    picks_of = [picked.picks_of(name) for name in names]
    all_truth_yx = [true.picks_of(matched[name]).centres_yx for name in names]
    if not any(map(len, all_truth_yx)):
        raise InputError(f"the truth in {truth} is empty: there is nothing to compare with")
    truth_yx = [once(centres_yx, box_size_px) for centres_yx in all_truth_yx]
    return FileEvaluation(
        evaluate(
            picks_of,
            truth_yx,
            SAME_PARTICLE_BOXES * box_size_px if radius_px is None else radius_px,
        ),
        names,
        without_truth=[name for name in with_picks if name not in matched],
        without_picks=[name for name in with_truth if name not in set(matched.values())],
        other_name=other_name,
        remarks=(
            *dict.fromkeys([*picked.remarks, *true.remarks]),
            *_remarks([each.centres_yx for each in picks_of], all_truth_yx, box_size_px),
        ),
    )


def _remarks(
    picks_yx: Sequence[FloatArray], truth_yx: Sequence[FloatArray], box_size_px: float
) -> Iterable[str]:
    """The sentences on what is there twice, and on coordinates of another scale or order."""

    def count_repeated(positions: Sequence[FloatArray]) -> int:
        return sum(len(each) - len(once(each, box_size_px)) for each in positions)

    yield from on_repeated(count_repeated(truth_yx))
    if repeated := count_repeated(picks_yx):
        repeat = "repeats" if repeated == 1 else "repeat"
        yield f"{counted(repeated, 'pick')} {repeat} another one: counted as wrong."
    yield from on_reaches(picks_yx, truth_yx)
    yield from on_exchanged_axes(picks_yx, truth_yx, box_size_px)


def as_json_values(evaluation: Evaluation) -> dict[str, Any]:
    """The figures of an evaluation, without its curves; `_at_f2` are those at `f2_threshold`."""
    names = ("ap", "f1", "precision", "recall", "f2", "f2_threshold", "n_picks", "n_truth")
    values = {name: getattr(evaluation, name) for name in (*names, "radius_px")}
    if evaluation.f2_threshold is not None:
        best = int(evaluation.f2s.argmax())
        precision, recall = evaluation.precisions[best], evaluation.recalls[best]
        values["f1_at_f2"] = float(f_beta(precision, recall, beta=1))
        values["precision_at_f2"], values["recall_at_f2"] = float(precision), float(recall)
    return values
