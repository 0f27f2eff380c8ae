"""The picking of one micrograph of a run, in this process or in another one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from napari_deepem.batch.run_folder import RunFolder
from napari_deepem.batch.scorer import Scorer, Source
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import evidence_of, evidence_of_ranking
from napari_deepem.core.picking.score_evidence import PrecisionEvidence
from napari_deepem.core.picking.scoring import Prepared, prepare_for, score_tiles
from napari_deepem.core.types import Picks, ScoreMap
from napari_deepem.io.file_stamps import ContentStamp, content_stamp_of, stamp_of
from napari_deepem.io.images import micrograph_name, read_micrograph
from napari_deepem.io.pick_records import (
    Criteria,
    Described,
    PickRecord,
    read_description,
    read_record,
)


@dataclass(frozen=True, eq=False, slots=True)
class MicrographDone:
    """The progress of picking: one micrograph is over, with its picks or what was wrong with it."""

    name: str
    seconds: float
    n_picks: int | None = None  # None where it failed
    written: tuple[Path, ...] = ()
    remark: str | None = None  # one line: why there are no picks, or what looks odd
    # what tells how many picks are particles; None where nothing was learnt of that
    evidence: PrecisionEvidence | None = None
    was_done: bool = False  # by an earlier run, which has left nothing to do


@dataclass(frozen=True, eq=False, slots=True)
class Picker:
    """What picks the micrographs of a run, one at a time; whoever runs it may have copies of it."""

    scorer: Scorer
    criteria: PickCriteria
    output: RunFolder
    overwrites: bool = False  # what an earlier run has done already

    def done_before(self, path: Path) -> MicrographDone | None:
        """What an earlier run has done of a micrograph; None where there is something to do.

        Asks for the file's size and time alone: a series may have many thousands.
        """
        name = micrograph_name(path)
        if self.overwrites or self.scorer.keeps:  # what is kept besides might not be there
            return None
        described = read_description(self.output.folder, name)
        if described is None or described.state != "picked" or described.stamp is None:
            return None
        if not self._described(path, described.stamp).agrees_with(described):
            return None
        if self.scorer.pixel_size not in (None, described.pixel_size):
            return None
        if described.stamp[:2] != stamp_of(path) or not self.output.has_all(name):
            return None
        n_picks, remark = described.n_picks, described.remark
        return MicrographDone(name, 0.0, n_picks, remark=remark, was_done=True)

    def source_of(self, path: Path) -> Source | PickRecord:
        """What a micrograph is picked from: the candidates on record, or else what is scored.

        Raises
        ------
        InputError
            The file can't be read, or can't be scored.
        """
        if not (self.overwrites or self.scorer.keeps):
            record = read_record(self.output.folder, micrograph_name(path))
            if record is not None and self._serves(record, path):
                return record
        return self.scorer.prepared_source_of(path)

    def pick(
        self, path: Path, source_of: Callable[[], Source | PickRecord], check_negative: bool = False
    ) -> MicrographDone:
        """What came of a micrograph, whose files are written; `source_of` gives its source.

        A micrograph that can't be used is reported, and goes on record as that. `check_negative`
        scores its negative as well, where every pick is wrong.
        """
        started, name = perf_counter(), micrograph_name(path)
        try:
            source = source_of()
            record, ranking, score_map = self.record_of(path, source)
            evidence = self.evidence_of(record, ranking)
            if check_negative and evidence is not None:
                prepared = source.prepared if isinstance(source, Source) else None
                evidence = evidence.beside(self._negative_of(prepared or self._prepared(path)))
            picked = self.output.picks_of(name, record, ranking)
            assert picked is not None
            written = self.output.write(picked, record, score_map)
        except InputError as error:
            return self.failed(path, str(error), perf_counter() - started)
        return MicrographDone(
            name,
            perf_counter() - started,
            len(picked.picks),
            tuple(written),
            record.described.remark,
            evidence,
        )

    def failed(self, path: Path, remark: str, seconds: float = 0.0) -> MicrographDone:
        """A micrograph that failed, which goes on record as that if the disk has room for it."""
        name = micrograph_name(path)
        with suppress(InputError):
            failure = self._described(path, None, state="failed", remark=remark)
            self.output.write_failure(name, failure)
        return MicrographDone(name, seconds, remark=remark)

    def record_of(
        self, path: Path, source: Source | PickRecord
    ) -> tuple[PickRecord, Picks, ScoreMap | None]:
        """The record by the criteria of now, its picks at any threshold, and the scores.

        There are scores if the micrograph was scored for it. Picks are those of
        `PickCriteria.of_ranking`, of which all that follows is cut: choosing them takes longest.
        """
        score_map = None
        if isinstance(source, PickRecord):
            candidates, stamp = source.candidates, source.described.stamp
            known = source.described.model_dump(include={"shape", "pixel_size", "remark"})
        else:
            scores = finish(self.scorer.scores_of(source))
            candidates, stamp, score_map = scores.candidates, source.stamp, scores.score_map
            remark = self.scorer.remark_on(scores)
            known = {"shape": score_map.shape, "pixel_size": source.pixel_size, "remark": remark}
        assert candidates is not None
        ranking = self.criteria.of_ranking.picks_of(candidates)
        described = self._described(
            path,
            stamp,
            **known,
            box_size_px=candidates.box_size_px,
            n_picks=len(self.criteria.picked_of(ranking)),
        )
        return PickRecord(described, candidates), ranking, score_map

    def _described(self, path: Path, stamp: ContentStamp | None, **known: Any) -> Described:
        criteria = Criteria(**self.criteria.values)
        place, scorer = str(path.absolute()), self.scorer.key
        values = {"state": "picked", "path": place, "stamp": stamp, **known}
        options = dict(self.output.options)
        return Described(scorer=scorer, criteria=criteria, options=options, **values)

    def _serves(self, record: PickRecord, path: Path) -> bool:
        """Whether the candidates on record are those of the file as it is, by this scorer."""
        described = record.described
        if record.candidates is None or described.scorer != self.scorer.key:
            return False
        if self.scorer.pixel_size not in (None, described.pixel_size):
            return False
        if self.output.with_scores and not self.output.has_all(micrograph_name(path)):
            return False  # the scores themselves are wanted, too
        return described.stamp is not None and described.stamp == content_stamp_of(path)

    def evidence_of(self, record: PickRecord, ranking: Picks) -> PrecisionEvidence | None:
        """What tells how many picks of a micrograph are particles; None where nothing does."""
        threshold, pixel_size = self.criteria.threshold_on(ranking), record.described.pixel_size
        return evidence_of_ranking(ranking, self.scorer.model, threshold, pixel_size)

    def _prepared(self, path: Path) -> Prepared:
        return prepare_for(read_micrograph(path, self.scorer.pixel_size), self.scorer.model)

    def _negative_of(self, prepared: Prepared) -> PrecisionEvidence | None:
        """What scores tell of the picks on a micrograph's negative, where every one is wrong."""
        scorer = self.scorer
        negative = replace(prepared, image=-prepared.image)
        tiles = score_tiles(negative, scorer.model, scorer.step_px, scorer.device)
        return evidence_of(find_candidates(finish(tiles)), scorer.model, self.criteria)
