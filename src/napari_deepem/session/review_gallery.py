"""Reviewing: picks in an order that shows which are wrong, what the user says of them, what next.

Verdicts are kept in `Session.verdicts`, by micrograph, as `Labels`: `positive_yx` was accepted,
`negative_yx` rejected, (n, 2) float64 arrays of original pixels, which is how they serialise. They
are positions, not indices of picks, so that they outlast the model that made the picks: a verdict
speaks for every candidate within a quarter of the box.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from napari_deepem.core.evaluation.label_suggestion import Suggestion, doubt, suggest_labels
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Candidates, FloatArray, Labels
from napari_deepem.session.box_pictures import united
from napari_deepem.session.state import NO_LABELS, Session

Verdict = Literal["accepted", "rejected"]
Order = Literal["best", "worst", "doubt", "std_high", "std_low"]
ACCEPTED, REJECTED = 1, -1  # as `verdicts_on` has them; 0: none
MOST_SHOWN = 20_000  # in a gallery: nobody looks through more


@dataclass(frozen=True, eq=False, slots=True)
class Gallery:
    """Candidates of some micrographs, in the order in which they are shown."""

    names: tuple[str, ...]
    which: NDArray[np.int64]  # (n,) index into `names`
    centres_yx: FloatArray  # (n, 2) original pixels
    scores: FloatArray  # (n,)
    stds: FloatArray  # (n,)
    box_size_px: int
    found: int = 0  # how many there are; the gallery holds the first of them

    def __len__(self) -> int:
        return len(self.which)

    def name_of(self, row: int) -> str:
        """Return the micrograph of a row."""
        return self.names[self.which[row]]

    def by_name(self, rows: NDArray[np.int64]) -> dict[str, FloatArray]:
        """Centres of some rows, by micrograph."""
        return {
            self.names[index]: self.centres_yx[rows[self.which[rows] == index]]
            for index in np.unique(self.which[rows])
        }

    def row_at(self, name: str, position_yx: FloatArray, reach_px: float) -> int | None:
        """The row nearest to a position on a micrograph, within reach; None if there is none."""
        here = np.flatnonzero(np.array([each == name for each in self.names])[self.which])
        distances = np.hypot(*(self.centres_yx[here] - position_yx).T)
        if not len(here) or distances.min() > reach_px:
            return None
        return int(here[distances.argmin()])

    def only(self, chosen: NDArray[np.bool_]) -> Gallery:
        """The gallery of some of its rows."""
        return replace(
            self,
            which=self.which[chosen],
            centres_yx=self.centres_yx[chosen],
            scores=self.scores[chosen],
            stds=self.stds[chosen],
            found=self.found - int((~chosen).sum()),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Standing:
    """What a gallery is made from, as it is at one moment; a job may keep it."""

    candidates: Mapping[str, Candidates]
    verdicts: Mapping[str, Labels]
    criteria: PickCriteria

    @classmethod
    def of(cls, session: Session) -> Standing:
        """Take it down; quick, on the main thread."""
        return cls(**{name: getattr(session, name) for name in cls.__slots__})


EMPTY = Gallery(
    (), np.empty(0, np.int64), np.empty((0, 2)), np.empty(0), np.empty(0), box_size_px=1
)


def gallery(
    session: Session | Standing, names: list[str], order: Order, *, only_open: bool = False
) -> Gallery:
    """The picks of these micrographs that are scored, in an order; `only_open`: without verdict.

    In that of doubt there is what lies below the threshold too: what the network takes for
    background may be a particle.
    """
    criteria = session.criteria.of_ranking if order == "doubt" else session.criteria
    scored = tuple(name for name in names if name in session.candidates)
    if not scored:
        return EMPTY
    parts = [session.candidates[name] for name in scored]
    rows = [criteria.rows_of(candidates) for candidates in parts]
    if only_open:
        pairs = zip(scored, parts, rows, strict=True)
        rows = [_without_verdict(session, *each) for each in pairs]
    return _in_order(session, scored, parts, rows, order)


def making_gallery(
    session: Session, names: list[str], order: Order, *, only_open: bool = False
) -> Callable[[], Generator[None, None, Gallery]]:
    """Make the job that does as `gallery`; the session is read here, on the caller's thread."""
    now = Standing.of(session)

    def job() -> Generator[None, None, Gallery]:
        yield
        return gallery(now, names, order, only_open=only_open)

    return job


def suggested(session: Session) -> tuple[Suggestion, Gallery] | None:
    """The micrograph and the boxes whose label would teach most, see `suggest_labels`."""
    names = [name for name in session.candidates if name not in session.excluded]
    known = {name: united(session.labels.get(name), session.verdicts.get(name)) for name in names}
    suggestion = suggest_labels(
        {name: session.candidates[name] for name in names},
        {name: np.concatenate([k.positive_yx, k.negative_yx]) for name, k in known.items()},
        session.criteria,
    )
    if suggestion is None:
        return None
    found = session.candidates[suggestion.name]
    _, rows = KDTree(found.centres_yx).query(suggestion.centres_yx)
    shown = _in_order(session, (suggestion.name,), [found], [np.asarray(rows)], "doubt")
    return suggestion, shown


def give_verdict(
    session: Session, centres_yx: Mapping[str, FloatArray], verdict: Verdict | None
) -> None:
    """Accept or reject positions, by micrograph; None takes verdicts back. The last word holds."""
    model = session.model
    box_size_px = session.box_size_px if model is None else model.box_size_px
    verdicts = dict(session.verdicts)
    for name, places in centres_yx.items():
        old = verdicts.get(name, NO_LABELS)
        kept = [
            each[nearest_distances(each, places) > SAME_PARTICLE_BOXES * box_size_px]
            for each in (old.positive_yx, old.negative_yx)
        ]
        if verdict is not None:
            side = 0 if verdict == "accepted" else 1
            kept[side] = np.concatenate([kept[side], places])
        verdicts[name] = Labels.of(*kept)
    session.verdicts = verdicts


def verdicts_on(session: Session, shown: Gallery) -> NDArray[np.int8]:
    """(n,) what the user said of each row: 1 accepted, -1 rejected, 0 nothing yet."""
    verdicts = np.zeros(len(shown), dtype=np.int8)
    reach_px = SAME_PARTICLE_BOXES * shown.box_size_px
    for index, name in enumerate(shown.names):
        said = session.verdicts.get(name)
        if said is None:
            continue
        rows = np.flatnonzero(shown.which == index)
        centres_yx = shown.centres_yx[rows]
        accepted = nearest_distances(centres_yx, said.positive_yx)
        rejected = nearest_distances(centres_yx, said.negative_yx)
        verdicts[rows[(accepted <= reach_px) & (accepted <= rejected)]] = ACCEPTED
        verdicts[rows[(rejected <= reach_px) & (rejected < accepted)]] = REJECTED
    return verdicts


def _without_verdict(
    session: Session | Standing, name: str, found: Candidates, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    said = session.verdicts.get(name, NO_LABELS)
    decided_yx = np.concatenate([said.positive_yx, said.negative_yx])
    reach_px = SAME_PARTICLE_BOXES * found.box_size_px
    return rows[nearest_distances(found.centres_yx[rows], decided_yx) > reach_px]


def counts(session: Session) -> tuple[int, int, int]:
    """How many were accepted and rejected, on how many micrographs."""
    reviewed = session.with_verdicts().values()
    return (
        sum(len(each.positive_yx) for each in reviewed),
        sum(len(each.negative_yx) for each in reviewed),
        len(reviewed),
    )


def _in_order(
    session: Session | Standing,
    names: tuple[str, ...],
    parts: list[Candidates],
    rows: list[NDArray[np.int64]],
    order: Order,
) -> Gallery:
    which = np.repeat(np.arange(len(names)), [len(each) for each in rows])
    pairs = list(zip(parts, rows, strict=True))
    scores = np.concatenate([part.scores[some] for part, some in pairs])
    stds = np.concatenate([part.stds[some] for part, some in pairs])
    keys = {
        "best": -scores,
        "worst": scores,
        "doubt": -doubt(scores, session.criteria.threshold),
        "std_high": -stds,
        "std_low": stds,
    }
    first = np.argsort(keys[order], kind="stable")[:MOST_SHOWN]
    centres_yx = np.concatenate([part.centres_yx[some] for part, some in pairs])
    return Gallery(
        names,
        which[first],
        centres_yx[first],
        scores[first],
        stds[first],
        parts[0].box_size_px,
        found=len(scores),
    )
