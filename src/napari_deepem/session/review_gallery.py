"""The gallery of picks, in an order that shows which are wrong, and the user's verdicts on them.

Verdicts are kept in `Session.verdicts`, by micrograph, as `Labels`: `positive_yx` was accepted,
`negative_yx` rejected, (n, 2) float64 arrays of original pixels, which is how they serialise. They
are positions, not indices of picks, so that they outlast the model that made the picks: a verdict
speaks for every candidate within a quarter of the box.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.jobs import finish
from napari_deepem.core.types import NO_LABELS, Candidates, FloatArray, Labels
from napari_deepem.core.wording import counted
from napari_deepem.session.gallery_rows import EMPTY, Gallery, joined, row_order, rows_of_one
from napari_deepem.session.parameters import Order
from napari_deepem.session.peak_sizes import MapsAtHand, PeakSizes
from napari_deepem.session.series_criteria import SeriesCriteria
from napari_deepem.session.state import Session

Verdict = Literal["accepted", "rejected"]
ACCEPTED, REJECTED = 1, -1  # as `verdicts_on` has them; 0: none
MOST_SHOWN = 20_000  # in a gallery: nobody looks through more
WAITING = 5 * MOST_SHOWN  # picks in memory before all but the first are left out
NONE_SELECTED = "Click a picture first."  # of what is selected a verdict is


@dataclass(frozen=True, eq=False, slots=True)
class Standing:
    """The state of a session that a gallery is made from, at one moment; a job may keep it."""

    candidates: Mapping[str, Candidates]
    verdicts: Mapping[str, Labels]
    criteria: SeriesCriteria
    peaks_of: Callable[[str, Candidates], FloatArray] | None = None  # (n,) sizes; None: not needed

    @classmethod
    def of(cls, session: Session) -> Standing:
        """The state of a session as it is now; quick, on the main thread."""
        return cls(session.candidates, session.verdicts, session.series_criteria)


def gallery(
    session: Session, names: Sequence[str], order: Order, *, only_open: bool = False
) -> Gallery:
    """The gallery of these micrographs' picks, in an order; `only_open`: those without verdict.

    Micrographs that are not scored have none. In the order of doubt there is what lies below
    the threshold too: what the network takes for background may be a particle. Sizes of score
    peaks take time: only the job of `making_gallery` has them.
    """
    return finish(_steps(Standing.of(session), names, order, only_open))


def making_gallery(
    session: Session,
    names: Sequence[str],
    order: Order,
    *,
    only_open: bool = False,
    peak_sizes: PeakSizes | None = None,
) -> Callable[[], Generator[None, None, Gallery]]:
    """The job that returns the `gallery`; the session is read here, on the caller's thread.

    `peak_sizes` are those that are known, for an order by them; the job adds to them.
    """
    now = Standing.of(session)
    if peak_sizes is not None:
        now = replace(now, peaks_of=partial(peak_sizes.of, maps=MapsAtHand(session)))

    def job() -> Generator[None, None, Gallery]:
        yield
        return (yield from _steps(now, names, order, only_open))

    return job


def _steps(
    now: Standing, names: Sequence[str], order: Order, only_open: bool
) -> Generator[None, None, Gallery]:
    """A stream of steps, a micrograph each, that returns a gallery."""
    scored = tuple(name for name in names if name in now.candidates)
    if not scored:
        return EMPTY
    parts: list[Gallery] = []
    thresholds = np.zeros(len(scored))
    count = 0
    for index, name in enumerate(scored):
        candidates = now.candidates[name]
        criteria = now.criteria.on(name)
        thresholds[index] = criteria.lowest_score(candidates)
        rows = (criteria.of_ranking if order == "doubt" else criteria).rows_of(candidates)
        if only_open:
            rows = _without_verdict(now, name, candidates, rows)
        peaks_px = None if now.peaks_of is None else now.peaks_of(name, candidates)
        parts.append(rows_of_one(scored, index, candidates, rows, peaks_px))
        count += len(rows)
        if count > WAITING:  # of 20 000 micrographs there may be ten million
            parts = [_in_order(joined(parts), order, thresholds)]
            count = len(parts[0])
        yield
    return _in_order(joined(parts), order, thresholds)


def _in_order(gallery: Gallery, order: Order, thresholds: FloatArray) -> Gallery:
    """The first of a gallery in another order; (m,) thresholds of its micrographs."""
    return gallery.at(row_order(gallery, order, thresholds)[:MOST_SHOWN])


def thresholds_of(session: Session, gallery: Gallery) -> FloatArray:
    """The (m,) thresholds of a gallery's micrographs, of those that it has rows of."""
    thresholds = np.full(len(gallery.names), session.threshold)
    for index in np.unique(gallery.which):
        name = gallery.names[index]
        if name in session.candidates:
            criteria = session.series_criteria.on(name)
            thresholds[index] = criteria.lowest_score(session.candidates[name])
    return thresholds


def gallery_at(session: Session, places: Mapping[str, FloatArray]) -> Gallery:
    """The gallery of the candidates at (k, 2) places, by micrograph, in the order given."""
    scored = tuple(name for name in places if name in session.candidates)
    if not scored:
        return EMPTY
    parts: list[Gallery] = []
    for index, name in enumerate(scored):
        candidates = session.candidates[name]
        rows = np.asarray(scipy.spatial.KDTree(candidates.centres_yx).query(places[name])[1])
        parts.append(rows_of_one(scored, index, candidates, rows))
    return joined(parts)


def give_verdict(
    session: Session, centres_yx: Mapping[str, FloatArray], verdict: Verdict | None
) -> None:
    """Accept or reject positions, by micrograph; None takes verdicts back. The last word holds.

    What is accepted already, such as a pick that was placed by hand, stays where it is.
    """
    reach_px = SAME_PARTICLE_BOXES * session.picks_box_px
    verdicts = dict(session.verdicts)
    for name, places in centres_yx.items():
        old, new = verdicts.get(name, NO_LABELS), places
        if verdict == "accepted":
            new = places[nearest_distances(places, old.positive_yx) > reach_px]
        kept = [
            each[nearest_distances(each, near) > reach_px]
            for each, near in (
                (old.positive_yx, new),
                (old.negative_yx, places),
                (old.unsure_yx, new),
            )
        ]
        if verdict is not None:
            side = 0 if verdict == "accepted" else 1
            kept[side] = np.concatenate([kept[side], new])
        verdicts[name] = Labels.of(*kept)
    session.verdicts = verdicts


def verdicts_on(session: Session, picks: Gallery) -> NDArray[np.int8]:
    """The verdicts, (n,) int8, on a gallery's rows: 1 accepted, -1 rejected, 0 none yet."""
    signs = np.zeros(len(picks), dtype=np.int8)
    reach_px = SAME_PARTICLE_BOXES * picks.box_size_px
    for index, name in enumerate(picks.names):
        verdicts = session.verdicts.get(name)
        if verdicts is None:
            continue
        rows = np.flatnonzero(picks.which == index)
        centres_yx = picks.centres_yx[rows]
        accepted_px = nearest_distances(centres_yx, verdicts.positive_yx)
        rejected_px = nearest_distances(centres_yx, verdicts.negative_yx)
        signs[rows[(accepted_px <= reach_px) & (accepted_px <= rejected_px)]] = ACCEPTED
        signs[rows[(rejected_px <= reach_px) & (rejected_px < accepted_px)]] = REJECTED
    return signs


def _without_verdict(
    now: Standing, name: str, candidates: Candidates, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    verdicts = now.verdicts.get(name, NO_LABELS)
    decided_yx = np.concatenate([verdicts.positive_yx, verdicts.negative_yx])
    reach_px = SAME_PARTICLE_BOXES * candidates.box_size_px
    return rows[nearest_distances(candidates.centres_yx[rows], decided_yx) > reach_px]


def counts(session: Session) -> tuple[int, int, int]:
    """The numbers of accepted and of rejected picks, and of the micrographs that have verdicts."""
    verdicts = session.with_verdicts().values()
    return (
        sum(len(each.positive_yx) for each in verdicts),
        sum(len(each.negative_yx) for each in verdicts),
        len(verdicts),
    )


def counts_text(session: Session, gallery: Gallery, selected: int) -> str:
    """How much of a gallery is selected, and how many verdicts there are; empty without any."""
    accepted, rejected, micrographs = counts(session)
    if not len(gallery) and not micrographs:
        return ""
    more = f" (the first of {gallery.found})" if gallery.found > len(gallery) else ""
    sentences = [f"{selected} of {len(gallery)} selected{more}."]
    if len(gallery) and not selected:
        sentences.append(NONE_SELECTED)
    if micrographs:
        where = counted(micrographs, "micrograph")
        sentences.append(f"{accepted} accepted, {rejected} rejected on {where}.")
    return " ".join(sentences)
