"""What a user says of picks, and how it joins what a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.metrics import MATCH_RADIUS_BOXES
from napari_deepem.core.network.model import LabelledMicrograph
from napari_deepem.core.types import FloatArray, Labels, Picks

SAME_PLACE_PX = 1.0  # coordinate files round to whole pixels


def verified_labels(
    picks: Picks | FloatArray | None,
    accepted: Picks | FloatArray | None,
    rejected: Picks | FloatArray | None,
    *,
    box_size_px: int,
) -> Labels:
    """What a user's verdict on the picks of one micrograph says.

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
    >>> from napari_deepem.core.evaluation.verdicts import verified_labels
    >>> picks = np.array([[10.0, 10.0], [90.0, 90.0]])
    >>> labels = verified_labels(picks, None, picks[1:], box_size_px=40)
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
    both = _near(given.positive_yx, given.negative_yx, SAME_PLACE_PX)
    if both.any():
        row, col = given.positive_yx[both][0]
        raise InputError(
            f"{int(both.sum())} of {len(both)} positions accepted are rejected too, the first at "
            f"x = {col:g}, y = {row:g}: take them out of one of the two"
        )
    judged = np.concatenate([given.positive_yx, given.negative_yx])
    rest = given.unsure_yx[~_near(given.unsure_yx, judged, MATCH_RADIUS_BOXES * box_size_px)]
    if accepted is None:
        return Labels.of(rest, given.negative_yx)
    if rejected is None:
        return Labels.of(given.positive_yx, rest)
    return Labels.of(given.positive_yx, given.negative_yx, rest)


def join(
    training_set: Sequence[LabelledMicrograph],
    verified: Sequence[LabelledMicrograph],
    box_size_px: int,
) -> tuple[LabelledMicrograph, ...]:
    """Add verified labels to a training set.

    Where a micrograph is in both, its labels are united: of two within a quarter of the box the
    later verdict holds, at the earlier position if they agree. What has no label is left out.
    """
    radius_px = MATCH_RADIUS_BOXES * box_size_px
    joined = {item.name: item for item in training_set}
    for item in verified:
        known = joined.get(item.name)
        if known is None:
            joined[item.name] = item
        else:
            labels = _unite(known.labels, item.labels, radius_px)
            joined[item.name] = replace(known, labels=labels, source=item.source or known.source)
    return tuple(
        item
        for item in joined.values()
        if len(item.labels.positive_yx) or len(item.labels.negative_yx)
    )


def _unite(old: Labels, new: Labels, radius_px: float) -> Labels:
    def clear_of(centres_yx: FloatArray, others_yx: FloatArray) -> FloatArray:
        return centres_yx[~_near(centres_yx, others_yx, radius_px)]

    positive = clear_of(old.positive_yx, new.negative_yx)
    negative = clear_of(old.negative_yx, new.positive_yx)
    positive = np.concatenate([positive, clear_of(new.positive_yx, positive)])
    negative = np.concatenate([negative, clear_of(new.negative_yx, negative)])
    unsure = np.concatenate([old.unsure_yx, new.unsure_yx])
    return Labels.of(positive, negative, clear_of(unsure, np.concatenate([positive, negative])))


def _near(centres_yx: FloatArray, others_yx: FloatArray, radius_px: float) -> NDArray[np.bool_]:
    """(n,) which of (n, 2) centres have one of the (m, 2) others within a radius."""
    if not len(centres_yx) or not len(others_yx):
        return np.zeros(len(centres_yx), dtype=bool)
    distances, _ = KDTree(others_yx).query(centres_yx)
    return np.asarray(distances <= radius_px)
