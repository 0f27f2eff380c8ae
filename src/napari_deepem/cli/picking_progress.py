"""What a picking tells while it goes on, and at its end: to a person, or to a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import nullcontext
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.table import Table

from napari_deepem.cli.progress import progress_bar
from napari_deepem.core.jobs import finish
from napari_deepem.core.wording import counted

if TYPE_CHECKING:
    from napari_deepem.batch.picker import MicrographDone
    from napari_deepem.batch.series_run import SeriesRun
    from napari_deepem.core.picking.score_evidence import PrecisionEvidence

# a bar in a terminal, else a line for each; a JSON object a line; nothing but what went wrong
ProgressMode = Literal["auto", "json", "quiet"]
FEW_FAILED = 2  # micrographs: more are told of in a table once more


@dataclass(eq=False, slots=True)
class PickingCourse:
    """The course of a picking: what has been done so far."""

    total: int
    by_general: bool = False
    done: int = 0
    picks: int = 0
    done_before: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    evidence: PrecisionEvidence | None = None
    began: float = field(default_factory=perf_counter)

    def add(self, news: MicrographDone) -> None:
        """Count a micrograph that is over."""
        from napari_deepem.core.picking.score_evidence import sum_of

        self.done += 1
        self.picks += news.n_picks or 0
        self.done_before += news.was_done
        self.evidence = sum_of((self.evidence, news.evidence))
        if news.n_picks is None:
            self.problems[news.name] = news.remark or ""

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return perf_counter() - self.began

    @property
    def figures(self) -> str:
        """What stands beside a bar: picks, rate, failures."""
        rate = (self.done - self.done_before) / max(self.seconds, 1e-6)
        failed = f", {len(self.problems)} failed" if self.problems else ""
        return f"{self.picks} picks, {rate:.2g}/s{failed}"

    @property
    def precision(self) -> str:
        """The precision that is estimated for what was picked now; empty where nothing was."""
        from napari_deepem.core.picking.precision_estimate import judge

        if self.done_before == self.done - len(self.problems):
            return ""
        if not (self.picks or self.by_general):
            return ""
        return str(judge(self.evidence, is_taught=not self.by_general))

    @property
    def summary(self) -> str:
        """The sentence at the end; empty where all have failed."""
        n_picked = self.done - len(self.problems)
        if not n_picked:
            return ""
        text = f"{self.picks} picks on {counted(n_picked, 'micrograph')}"
        if self.by_general:
            text += " by the general network"
        if self.done_before:
            text += f" ({self.done_before} done before)"
        return text + (f", estimated precision {self.precision}" if self.precision else "")


def follow_picking(
    job: Generator[MicrographDone, None, SeriesRun],
    course: PickingCourse,
    console: Console,
    mode: ProgressMode = "auto",
) -> PickingCourse:
    """The course of a picking, which is run telling of each micrograph."""
    if mode == "json":
        _run(job, course, lambda news: _print_json(course, news))
        _write_line(_end_values(course))
        return course
    bar = progress_bar(console, "picking") if mode == "auto" else nullcontext()
    with bar as progress:

        def show(news: MicrographDone) -> None:
            if news.remark is not None:
                console.print(f"napari-deepem: {news.remark}", markup=False)
            elif progress and not (console.is_terminal or news.was_done):
                text = f"{news.name}: {news.n_picks} picks, {news.seconds:.1f} s"
                console.print(text, markup=False)
            if progress:
                task = progress.task_ids[0]
                progress.update(
                    task,
                    completed=course.done,
                    total=max(course.total, course.done),
                    figures=course.figures,
                )

        _run(job, course, show)
    if course.summary and mode == "auto":
        console.print(course.summary, markup=False)
    if course.problems and course.total > 1:
        text = f"{len(course.problems)} of {course.total} micrographs could not be picked"
        console.print(text, markup=False)
    if len(course.problems) > FEW_FAILED and mode == "auto":
        console.print(_table(course.problems))
    return course


def _run(
    job: Generator[MicrographDone, None, SeriesRun],
    course: PickingCourse,
    show: Callable[[MicrographDone], None],
) -> None:
    def add(news: MicrographDone) -> None:
        course.add(news)
        show(news)

    finish(job, add)


def _print_json(course: PickingCourse, news: MicrographDone) -> None:
    state = "failed" if news.n_picks is None else "done before" if news.was_done else "picked"
    values: dict[str, object] = {"micrograph": news.name, "state": state, "picks": news.n_picks}
    if news.remark:
        values["remark"] = news.remark
    values |= {"seconds": round(news.seconds, 3), "done": course.done, "total": course.total}
    _write_line(values)


def _write_line(values: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _end_values(course: PickingCourse) -> dict[str, object]:
    return {
        "picked": course.done - len(course.problems),
        "done_before": course.done_before,
        "failed": len(course.problems),
        "picks": course.picks,
        "seconds": round(course.seconds, 3),
        "estimated_precision": course.precision,
    }


def _table(problems: dict[str, str]) -> Table:
    """The micrographs that failed, and why."""
    table = Table("failed", "reason, and what to do", box=None, pad_edge=False)
    for name, reason in problems.items():
        table.add_row(name, reason)
    return table
