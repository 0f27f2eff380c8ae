"""The scoring of a session's micrographs, one after the other: what comes next, what comes of it.

There are no threads here. Whoever runs the jobs reports on the main thread what came of each, and
asks for the next one then: meanwhile a micrograph may have been closed, excluded or changed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_deepem.batch.scorer import Scorer, Scores
from napari_deepem.batch.series_run import SeriesRun
from napari_deepem.core.jobs import TilesDone
from napari_deepem.core.types import Micrograph
from napari_deepem.session import jobs
from napari_deepem.session.scored import Scored
from napari_deepem.session.state import Session


@dataclass(frozen=True, eq=False, slots=True)
class ScoringJob:
    """The job that scores one micrograph, and whether its scores are still wanted."""

    name: str
    steps: Callable[[], Generator[TilesDone, None, Scores]]
    is_wanted: Callable[[], bool]  # whether model and micrograph are still those that it began with


class SeriesScoring:
    """The scoring of several micrographs of a session with the model that it has now.

    Of several, those that are scored already are left out, so that one may stop and go on.
    """

    def __init__(self, session: Session, names: Sequence[str]) -> None:
        done = session.scored if len(names) == 1 else session.candidates
        self._session = session
        self._scorer = Scorer(
            session.model, keeps=session.folder is not None, pixel_size=session.given_pixel_size
        )
        self.run = SeriesRun(name for name in names if name not in done and self._is_there(name))

    def next(self, first_yx: tuple[float, float] | None = None) -> ScoringJob | None:
        """The job of the next micrograph; None at the end.

        What is around `first_yx`, original pixels, comes first on the current micrograph.
        """
        session, model = self._session, self._scorer.model
        name = self.run.next(self._is_there)
        if name is None:
            return None
        micrograph, path = session.micrographs.get(name), session.files.get(name)
        if name != session.current:
            first_yx = None
        return ScoringJob(
            name,
            partial(jobs.score, self._scorer, name, path, micrograph, first_yx),
            is_wanted=lambda: (
                session.model is model
                and session.files.get(name) == path
                and (path is not None or session.micrographs.get(name) is micrograph)
            ),
        )

    def show(self, tiles: TilesDone) -> None:
        """Show how far the present job is, and what is known by now of the current micrograph."""
        activity, name = self._session.scoring, self.run.names[self.run.over]
        activity.total = tiles.total * len(self.run.names)
        activity.done = tiles.total * self.run.over + tiles.done
        if tiles.so_far is not None and name == self._session.current:
            self._session.scored_so_far = name, tiles.so_far

    def take(self, scores: Scores) -> None:
        """Put the present job's scores into the session, unless they are of other pixels than now.

        Then the same micrograph comes next once more.
        """
        session, name = self._session, self.run.names[self.run.over]
        session.scored_so_far = None
        micrograph = session.micrographs.get(name)
        if micrograph is None:
            session.candidates = {**session.candidates, name: scores.candidates}
        elif _same_pixels(micrograph, scores.source.micrograph):
            scored = Scored(micrograph, session.model, scores.score_map, scores.candidates)
            session.scored = {**session.scored, name: scored}
        else:
            return
        self.run.done(self._scorer.remark_on(scores))

    def fail(self, problem: str) -> None:
        """Note why the present job's micrograph can't be scored."""
        session, name = self._session, self.run.names[self.run.over]
        session.scored_so_far = None
        session.problems = {**session.problems, name: problem}
        self.run.failed(problem)

    def drop(self) -> bool:
        """Whether others may follow the present job, which is given up: nobody wants its scores."""
        self._session.scored_so_far = None
        if self._session.model is not self._scorer.model:
            return False
        self.run.pass_over()
        return True

    def _is_there(self, name: str) -> bool:
        session = self._session
        is_open = name in session.files or name in session.micrographs
        return is_open and name not in session.excluded


def _same_pixels(one: Micrograph, other: Micrograph | None) -> bool:
    return other is not None and (one is other or np.array_equal(one.image, other.image))
