"""The command `napari-deepem view`."""

from __future__ import annotations

from pathlib import Path

from napari_deepem.cli.app import app
from napari_deepem.cli.window import window_required


@app.command
def view(micrographs: Path, /) -> None:
    """Open micrographs, or what a run has picked, in a window, and go on where you were.

    What you do is kept in the file napari-deepem.session in that folder; of a single file that is
    its labels.

    Parameters
    ----------
    micrographs
        The folder where the micrographs lie, or one of them; or the folder that a run has picked
        into, which shows its micrographs with its picks.
    """
    from napari_deepem.io.images import list_micrographs, read_shape
    from napari_deepem.io.run_places import is_run

    # refuse what is none before a window opens
    is_file = micrographs.is_file()
    if not is_run(micrographs):
        _ = read_shape(micrographs) if is_file else list_micrographs(micrographs)
    with window_required():
        from napari_deepem.widgets.windows import show_file, show_series
    if is_file:
        show_file(micrographs)
    else:
        show_series(micrographs)
