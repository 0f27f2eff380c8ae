"""The command `napari-deepem demo`."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import Box, StartName, start_of
from napari_deepem.cli.progress import progress_bar
from napari_deepem.cli.training_lines import show_epoch, show_labelled
from napari_deepem.cli.window import has_display, window_required
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import EpochDone, finish

if TYPE_CHECKING:
    from napari_deepem.batch.demo import DemoProgress, DemoResult


@app.command
def demo(
    *,
    data: Path | None = None,
    box: Box | None = None,
    start: StartName | None = None,
    out: Path = Path("demo-output"),
    view: Annotated[bool, Parameter(negative="--no-view")] = True,
) -> None:
    """Train on some micrographs, pick the others and show how good it is.

    Parameters
    ----------
    data
        Folder with micrographs and their coordinate files; simulated micrographs by default.
    box
        Side of the particle box in pixels of the original files; needed with --data.
    start
        What training starts from, as for train: general, chance or a model file.
    out
        Folder for everything that is written.
    view
        Open napari on the result, where there is a display.
    """
    from napari_deepem.batch.demo import run_demo

    result = follow_demo(run_demo(out, data, box, start=start_of(start)), errors)
    print_demo(result, Console())
    if view and has_display():
        try:
            with window_required():
                from napari_deepem.widgets.windows import show_results
        except InputError as error:  # the result is there all the same
            return errors.print(str(error), markup=False)
        show_results([picked.path for picked in result.picked], result.model_path)


def follow_demo(job: Generator[DemoProgress, None, DemoResult], console: Console) -> DemoResult:
    """The result of a demonstration, which is run showing each step and every epoch."""
    from napari_deepem.batch.demo import Step

    with progress_bar(console, "demo") as progress:

        def show(news: DemoProgress) -> None:
            if isinstance(news, Step):
                console.print(news.text, markup=False)
            elif isinstance(news, EpochDone):
                show_epoch(news, progress)
            else:
                show_labelled(news, console)

        return finish(job, show)


def print_demo(result: DemoResult, console: Console) -> None:
    """Print the small table, and where to look."""
    from napari_deepem.batch.demo import figures_of

    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in figures_of(result).items():
        table.add_row(name, str(value))
    console.print(table)
    console.print(f"written to {result.folder}: look at picks.png and curves.png", markup=False)
