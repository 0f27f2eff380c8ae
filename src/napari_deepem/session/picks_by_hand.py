"""Picks that are added, moved and removed by hand: verdicts of the user on places.

Adding one accepts its place, removing one of the network's rejects it: both teach the next
training. Moving one says where the particle is, and nothing of the place that it was at: that is
settled, neither a pick nor a non-particle, and a label there moves along.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.picking.mending import placed
from napari_deepem.core.types import NO_LABELS, FinalPicks, FloatArray, Labels
from napari_deepem.session.state import Session


def pick_at(picks: FinalPicks | None, position_yx: FloatArray, reach_px: float) -> int | None:
    """The index of the pick whose middle is nearest to a position, within reach; None: none."""
    if picks is None or not len(picks):
        return None
    distances = np.hypot(*(picks.centres_yx - position_yx).T)
    nearest = int(distances.argmin())
    return nearest if distances[nearest] <= reach_px else None


def add_pick(session: Session, position_yx: FloatArray) -> None:
    """Place a pick on the current micrograph."""
    _say(session, _with_placed(_verdicts(session), position_yx[np.newaxis], _reach_px(session)))


def move_pick(session: Session, index: int, position_yx: FloatArray) -> None:
    """Move a pick of the current micrograph to another place, with what was labelled there."""
    assert session.picks is not None
    assert session.current is not None
    reach_px = _reach_px(session)
    place_yx = session.picks.centres_yx[[index]]
    if np.array_equal(place_yx[0], position_yx):  # dragged there and back
        return
    verdicts, was_placed = _taken_back(_verdicts(session), place_yx, reach_px)
    settled_yx = np.concatenate([verdicts.unsure_yx, place_yx[~was_placed]])
    verdicts = Labels(verdicts.positive_yx, verdicts.negative_yx, settled_yx)
    old = session.labels_of(session.current)
    labels = _moved_along(old, session.picks, index, position_yx, reach_px)
    with session.edits.one_step():
        if labels is not old:
            session.labels = {**session.labels, session.current: labels}
        _say(session, _with_placed(verdicts, position_yx[np.newaxis], reach_px))


def remove_picks(session: Session, indices: list[int]) -> None:
    """Remove picks of the current micrograph: placed ones are taken back, others rejected.

    What comes to light where one is taken back is rejected too: there is to be no pick.
    """
    picks, name = session.picks, session.current
    assert picks is not None
    assert name is not None
    places_yx, reach_px = picks.centres_yx[indices], _reach_px(session)
    verdicts, was_placed = _taken_back(_verdicts(session), places_yx, reach_px)
    verdicts = _with_rejected(verdicts, places_yx[~was_placed])
    if was_placed.any():
        left_yx = session.selection.picks_by(name, verdicts).centres_yx
        is_near = nearest_distances(left_yx, places_yx[was_placed]) <= reach_px
        others_yx = np.delete(picks.centres_yx, indices, axis=0)
        is_new = nearest_distances(left_yx, others_yx) > 0.0
        verdicts = _with_rejected(verdicts, left_yx[is_near & is_new])
    _say(session, verdicts)


def _verdicts(session: Session) -> Labels:
    return session.verdicts.get(session.current or "", NO_LABELS)


def _say(session: Session, verdicts: Labels) -> None:
    assert session.current is not None
    session.verdicts = {**session.verdicts, session.current: verdicts}


def _reach_px(session: Session) -> float:
    """How near two positions mean one particle, original pixels."""
    return SAME_PARTICLE_BOXES * session.picks_box_px


def _moved_along(
    labels: Labels, picks: FinalPicks, index: int, position_yx: FloatArray, reach_px: float
) -> Labels:
    """The labels with those of a pick at its new place, once, and no non-particle at the old one.

    A label is of the nearest pick within reach.
    """
    place_yx, others_yx = picks.centres_yx[[index]], np.delete(picks.centres_yx, index, axis=0)

    def is_of_pick(centres_yx: FloatArray) -> NDArray[np.bool_]:
        distances = nearest_distances(centres_yx, place_yx)
        return (distances <= reach_px) & (distances <= nearest_distances(centres_yx, others_yx))

    particle, other = is_of_pick(labels.positive_yx), is_of_pick(labels.negative_yx)
    if not particle.any() and not other.any():
        return labels
    new_yx = position_yx[np.newaxis][: particle.sum()]
    positive_yx = np.concatenate([labels.positive_yx[~particle], new_yx])
    return Labels(positive_yx, labels.negative_yx[~other], labels.unsure_yx)


def _taken_back(
    verdicts: Labels, places_yx: FloatArray, reach_px: float
) -> tuple[Labels, NDArray[np.bool_]]:
    """The verdicts without what makes (n, 2) places picks; (n,) which the user had placed there."""
    is_placed = placed(verdicts)
    was_placed = nearest_distances(places_yx, verdicts.positive_yx[is_placed]) == 0.0
    accepted_px = nearest_distances(verdicts.positive_yx, places_yx[~was_placed])
    placed_px = nearest_distances(verdicts.positive_yx, places_yx[was_placed])
    stays = np.where(is_placed, placed_px > 0.0, accepted_px > reach_px)
    settled_px = nearest_distances(verdicts.unsure_yx, places_yx[was_placed])
    return (
        Labels(
            verdicts.positive_yx[stays], verdicts.negative_yx, verdicts.unsure_yx[settled_px > 0.0]
        ),
        was_placed,
    )


def _with_placed(verdicts: Labels, places_yx: FloatArray, reach_px: float) -> Labels:
    """The verdicts with picks at (n, 2) places, whatever was said there before."""
    accepted_px = nearest_distances(verdicts.positive_yx, places_yx)
    rejected_px = nearest_distances(verdicts.negative_yx, places_yx)
    replaced_yx = verdicts.positive_yx[accepted_px <= reach_px]
    settled_px = nearest_distances(verdicts.unsure_yx, np.concatenate([replaced_yx, places_yx]))
    return Labels(
        np.concatenate([verdicts.positive_yx[accepted_px > reach_px], places_yx]),
        verdicts.negative_yx[rejected_px > reach_px],
        np.concatenate([verdicts.unsure_yx[settled_px > 0.0], places_yx]),
    )


def _with_rejected(verdicts: Labels, places_yx: FloatArray) -> Labels:
    rejected_yx = np.concatenate([verdicts.negative_yx, places_yx])
    return Labels(verdicts.positive_yx, rejected_yx, verdicts.unsure_yx)
