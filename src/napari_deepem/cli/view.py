"""The command `napari-deepem view`."""

from __future__ import annotations

from pathlib import Path

from napari_deepem.cli.app import app
from napari_deepem.cli.window import window_required


@app.command
def view(folder: Path, /) -> None:
    """Open a folder of micrographs in a window, and go on where you were.

    What you do is kept in the file napari-deepem.session in that folder.

    Parameters
    ----------
    folder
        Where the micrographs lie.
    """
    from napari_deepem.io.images import list_micrographs

    list_micrographs(folder)  # refuse another folder before a window opens
    with window_required():
        from napari_deepem.widgets.windows import show_series
    show_series(folder)
