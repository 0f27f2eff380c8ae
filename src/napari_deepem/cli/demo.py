"""`napari-deepem demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import Whole
from napari_deepem.cli.window import NO_BINDING, has_binding, has_display


@app.command
def demo(
    *,
    data: Path | None = None,
    box: Whole | None = None,
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
    out
        Folder for everything that is written.
    view
        Open napari on the result, where there is a display.
    """
    from napari_deepem.batch.demo import run_demo
    from napari_deepem.cli.terminal import follow_demo, print_demo

    result = follow_demo(run_demo(out, data, box), errors)
    print_demo(result, Console())
    if view and has_display():
        if not has_binding():
            errors.print(NO_BINDING, markup=False)
            return
        from napari_deepem.widgets.windows import show_results

        show_results([picked.path for picked in result.picked], result.model_path)
