"""Verdicts: what a user says of picks, and how it joins what a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.network.model import LabelledMicrograph
from napari_deepem.core.types import FloatArray, Labels, Picks

SAME_PLACE_PX = 1.0  # coordinate files round to whole pixels


def labels_of_verdicts(
    picks: Picks | FloatArray | None,
    accepted: Picks | FloatArray | None,
    rejected: Picks | FloatArray | None,
    *,
    box_size_px: int,
) -> Labels:
    """The labels that a user's verdicts on the picks of one micrograph give.

    Parameters
    ----------
    picks : Picks or (n, 2) array, optional
        What was picked.
    accepted, rejected : Picks or (n, 2) array, optional
        Particles and non-particles, on a pick or not. Where one of the two is None it is the rest
        of the picks; where neither is, the rest is unsure.
    box_size_px : int
        A position speaks for the picks within a quarter of the box.

    Raises
    ------
    InputError
        If both are None, or a position is in both.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem.core.evaluation.verdicts import labels_of_verdicts
    >>> picks = np.array([[10.0, 10.0], [90.0, 90.0]])
    >>> labels = labels_of_verdicts(picks, None, picks[1:], box_size_px=40)
    >>> labels.positive_yx, labels.negative_yx
    (array([[10., 10.]]), array([[90., 90.]]))
    """
    if accepted is None and rejected is None:
        raise InputError("no verdict on these picks: give those accepted, those rejected, or both")
    given = Labels.of(
        () if accepted is None else accepted,
        () if rejected is None else rejected,
        () if picks is None else picks,
    )
    both = nearest_distances(given.positive_yx, given.negative_yx) <= SAME_PLACE_PX
    if both.any():
        row, col = given.positive_yx[both][0]
        raise InputError(
            f"{int(both.sum())} of {len(both)} positions accepted are rejected too, the first at "
            f"x = {col:g}, y = {row:g}: take them out of one of the two"
        )
    decided = np.concatenate([given.positive_yx, given.negative_yx])
    rest = _clear_of(given.unsure_yx, decided, SAME_PARTICLE_BOXES * box_size_px)
    if accepted is None:
        return Labels.of(rest, given.negative_yx)
    if rejected is None:
        return Labels.of(given.positive_yx, rest)
    return Labels.of(given.positive_yx, given.negative_yx, rest)


def join(
    training_set: Sequence[LabelledMicrograph],
    verdicts: Sequence[LabelledMicrograph],
    box_size_px: int,
) -> tuple[LabelledMicrograph, ...]:
    """A training set and the labels that verdicts on other picks gave.

    Where a micrograph is in both, its labels are united: of two within a quarter of the box the
    later verdict holds, at the earlier position if they agree. What has no label is left out.
    """
    radius_px = SAME_PARTICLE_BOXES * box_size_px
    joined = {item.name: item for item in training_set}
    for item in verdicts:
        earlier = joined.get(item.name)
        if earlier is None:
            joined[item.name] = item
        else:
            labels = unite(earlier.labels, item.labels, radius_px)
            source = item.source or earlier.source
            joined[item.name] = replace(earlier, labels=labels, source=source)
    return tuple(
        item
        for item in joined.values()
        if len(item.labels.positive_yx) or len(item.labels.negative_yx)
    )


def unite(old: Labels, new: Labels, radius_px: float) -> Labels:
    """The labels of one micrograph that older and newer ones give, see `join`."""
    positive = _clear_of(old.positive_yx, new.negative_yx, radius_px)
    negative = _clear_of(old.negative_yx, new.positive_yx, radius_px)
    positive = np.concatenate([positive, _clear_of(new.positive_yx, positive, radius_px)])
    negative = np.concatenate([negative, _clear_of(new.negative_yx, negative, radius_px)])
    unsure = np.concatenate([old.unsure_yx, new.unsure_yx])
    decided = np.concatenate([positive, negative])
    return Labels.of(positive, negative, _clear_of(unsure, decided, radius_px))


def clear_of(labels: Labels, places_yx: FloatArray, radius_px: float) -> Labels:
    """The particles and non-particles that have none of (n, 2) places within a radius."""
    return Labels(
        _clear_of(labels.positive_yx, places_yx, radius_px),
        _clear_of(labels.negative_yx, places_yx, radius_px),
        labels.unsure_yx,
    )


def _clear_of(centres_yx: FloatArray, others_yx: FloatArray, radius_px: float) -> FloatArray:
    """(k, 2) of (n, 2) centres, those that have none of the others within a radius."""
    return centres_yx[nearest_distances(centres_yx, others_yx) > radius_px]
