"""What the command line shows while it works, and when it is done."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from napari_deepem.batch.demo import DemoProgress, DemoResult, Step, figures_of
from napari_deepem.batch.pick import MicrographDone
from napari_deepem.batch.refine import VerifiedFiles
from napari_deepem.batch.simulate import MicrographSimulated
from napari_deepem.batch.train import LabelledFiles
from napari_deepem.batch.tuning import TrialDone, TrialEpoch, Tuned, TuningProgress
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.jobs import EpochDone, MicrographRead, finish
from napari_deepem.core.network.model import Model
from napari_deepem.core.simulation import SimulationSettings

BEST_TRIALS = 12  # of a tuning, so many are shown
FEW_FOUND = 0.5  # recall at the threshold of the best F2: below, something is wrong


@contextmanager
def progress_bar(console: Console, what: str) -> Iterator[Progress]:
    """A bar with one task; a console that is no terminal shows lines of text instead."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        progress.add_task(what, total=None, figures="")
        yield progress


def follow_training(
    job: Generator[LabelledFiles | EpochDone, None, Model], console: Console
) -> Model:
    """Run a training, showing what it reads and every epoch."""
    with progress_bar(console, "training") as progress:
        return finish(job, lambda news: _show_training(news, progress))


def follow_refining(
    job: Generator[VerifiedFiles | MicrographRead | EpochDone, None, Model], console: Console
) -> Model:
    """Run a refinement, showing what is verified, every micrograph and every epoch."""
    with progress_bar(console, "reading") as progress:

        def show(news: VerifiedFiles | MicrographRead | EpochDone) -> None:
            if isinstance(news, EpochDone):
                _show_training(news, progress)
            elif isinstance(news, MicrographRead):
                progress.update(progress.task_ids[0], completed=news.done, total=news.total)
            else:
                console.print(_verdicts(news), markup=False)

        return finish(job, show)


def _verdicts(files: VerifiedFiles) -> str:
    labels = [item.labels for item in files.verified]
    accepted, rejected, unsure = (
        sum(len(getattr(marked, kind)) for marked in labels)
        for kind in ("positive_yx", "negative_yx", "unsure_yx")
    )
    text = f"{accepted} picks accepted, {rejected} rejected, {unsure} undecided on "
    text += _counted(len(labels), "micrograph")
    if files.without_verdict:
        text += f"; left out, nothing accepted or rejected: {_listed(files.without_verdict)}"
    if files.not_given:
        text += f"; not among the micrographs: {_listed(files.not_given)}"
    return text


def follow_demo(job: Generator[DemoProgress, None, DemoResult], console: Console) -> DemoResult:
    """Run a demonstration, showing each step and every epoch."""
    with progress_bar(console, "demo") as progress:

        def show(news: DemoProgress) -> None:
            if isinstance(news, Step):
                console.print(news.text, markup=False)
            else:
                _show_training(news, progress)

        return finish(job, show)


def _show_training(
    news: LabelledFiles | EpochDone, progress: Progress, what: str = "training"
) -> None:
    if isinstance(news, EpochDone):
        progress.update(
            progress.task_ids[0],
            description=what,
            completed=news.epoch,
            total=news.epochs,
            figures=_epoch_figures(news),
        )
        if not progress.console.is_terminal:
            progress.console.print(
                f"epoch {news.epoch}/{news.epochs}  {_epoch_figures(news)}", markup=False
            )
        return
    text = f"{_counted(news.n_particles, 'particle')} on {_counted(len(news.paths), 'micrograph')}"
    if news.without_labels:
        text += f"; left out, no coordinates: {_listed(news.without_labels)}"
    progress.console.print(text, markup=False)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _epoch_figures(news: EpochDone) -> str:
    text = f"loss {news.loss:.4f}"
    if news.held_out_loss is not None and news.held_out_ap is not None:
        text += f"  held-out boxes: loss {news.held_out_loss:.4f}, AP {news.held_out_ap:.3f}"
    return text


def describe_model(model: Model, path: Path) -> str:
    """What training arrived at, in a line or two."""
    low, high = model.std_range
    text = (
        f"wrote {path}: box {model.box_size_px} px, binned {model.binning}x to {model.box_px} px, "
        f"threshold {model.threshold:.3f}, std {low:.2f} to {high:.2f}"
    )
    found = model.summary
    if "refined" in found:
        text += "\nround {round}: {accepted} accepted, {rejected} rejected on {n}".format(
            n=_counted(found["refined"]["micrographs"], "micrograph"), **found["refined"]
        )
    if not found["held_out"]:
        return text + (
            "\nno labels could be held out, so the threshold is a guess: label a second micrograph"
        )
    names = [field["micrograph"] for field in found["held_out"]]
    trained_on = {field["micrograph"] for field in found["trained_on"]}
    where = "the right-hand part of " if trained_on & set(names) else ""
    text += f"\nheld out: {where}{_listed(names)}: "
    text += f"recall {found['held_out_recall']:.3f}"
    if "estimated_precision" in found:
        text += f", estimated precision {found['estimated_precision']:.2f}"
    if found["labels_complete"]:
        text += f", average precision {found['held_out_ap']:.3f}, F2 {found['held_out_f2']:.3f}"
    text += f", matched within {SAME_PARTICLE_BOXES * model.box_size_px:g} px"
    if found["held_out_recall"] < FEW_FOUND:
        text += (
            "\nwarning: few of the held-out particles are found; are box and coordinates in pixels "
            "of these files, unbinned?"
        )
    return text


def follow_picking(
    job: Generator[MicrographDone, None, None], total: int, console: Console
) -> list[str]:
    """Run a picking, showing every micrograph; returns the names of those that failed."""
    failed: list[str] = []
    picked, expected = 0, None
    with progress_bar(console, "picking") as progress:
        for done, news in enumerate(job, start=1):
            if news.picks is None:
                failed.append(news.name)
            else:
                picked += len(news.picks)
            if news.expected_hits is not None:
                expected = (expected or 0.0) + news.expected_hits
            if news.remark is not None:
                console.print(f"napari-deepem: {news.remark}", markup=False)
            elif not console.is_terminal and news.picks is not None:
                console.print(
                    f"{news.name}: {len(news.picks)} picks, {news.seconds:.1f} s", markup=False
                )
            progress.update(
                progress.task_ids[0], completed=done, total=total, figures=f"{picked} picks"
            )
    if total > len(failed):
        text = f"{picked} picks on {_counted(total - len(failed), 'micrograph')}"
        if picked and expected is not None:
            text += f", estimated precision {expected / picked:.2f}"
        console.print(text, markup=False)
    if failed and total > 1:
        console.print(f"{len(failed)} of {total} micrographs could not be picked", markup=False)
    return failed


def follow_simulation(
    job: Generator[MicrographSimulated, None, None],
    settings: SimulationSettings,
    folder: Path,
    console: Console,
) -> None:
    """Run a simulation, showing every micrograph, and say what was written."""
    particles, crowded = 0, 0
    with progress_bar(console, "simulating") as progress:
        for done, news in enumerate(job, start=1):
            particles += news.particles
            crowded += news.particles < settings.particles
            if not console.is_terminal:
                console.print(f"{news.name}: {_counted(news.particles, 'particle')}", markup=False)
            progress.update(
                progress.task_ids[0],
                completed=done,
                total=settings.count,
                figures=_counted(particles, "particle"),
            )
    console.print(
        f"wrote {_counted(settings.count, 'micrograph')} with {_counted(particles, 'particle')} "
        f"to {folder}: box {settings.box_size_px} px, {settings.optics.pixel_size:g} A/px",
        markup=False,
    )
    if crowded:
        console.print(
            f"{crowded} of them had no place for {settings.particles} particles: give fewer, "
            "larger micrographs or more overlaps",
            markup=False,
        )


def follow_tuning(
    job: Generator[LabelledFiles | TuningProgress, None, Tuned], console: Console
) -> Tuned:
    """Run a tuning, showing every training."""
    with progress_bar(console, "tuning") as progress:

        def show(news: LabelledFiles | TuningProgress) -> None:
            if isinstance(news, TrialEpoch):
                if console.is_terminal:
                    _show_training(news.epoch, progress, news.what)
            elif isinstance(news, LabelledFiles):
                _show_training(news, progress)
            elif isinstance(news, TrialDone):
                console.print(news.text, markup=False)
            elif news.unseen:
                console.print(f"the search never sees {_listed(news.unseen)}", markup=False)

        return finish(job, show)


def print_tuned(tuned: Tuned, console: Console) -> None:
    """The best of what was tried, and what to think of it."""
    finished = sorted((row for row in tuned.rows if row["AP"]), key=lambda row: -float(row["AP"]))
    lines = [list(tuned.rows[0]), *(list(row.values()) for row in finished[:BEST_TRIALS])]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:  # a rich table would cut cells where the terminal is narrow
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        console.print("  ".join(cells).rstrip(), markup=False)
    console.print(f"all {_counted(len(tuned.rows), 'trial')}: {tuned.table}", markup=False)
    console.print(tuned.verdict, markup=False)


def print_demo(result: DemoResult, console: Console) -> None:
    """The small table, and where to look."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in figures_of(result).items():
        table.add_row(name, str(value))
    console.print(table)
    console.print(f"written to {result.folder}: look at picks.png and curves.png", markup=False)
