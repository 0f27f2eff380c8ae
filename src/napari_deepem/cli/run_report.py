"""The command `napari-deepem report`."""

from __future__ import annotations

from pathlib import Path

from napari_deepem.cli.app import app, errors


@app.command(name="report")
def run_report(folder: Path, /) -> None:
    """Write the report of a run anew: report.html, a page to look at, and report.json.

    For runs of many jobs, of which each knows its own micrographs alone.

    Parameters
    ----------
    folder
        The folder that `pick` wrote into.
    """
    from napari_deepem.batch.report.report_page import Run, model_words, write_report
    from napari_deepem.batch.run_manifest import read_run

    known = read_run(folder)
    words = model_words(known.model)
    page, _ = write_report(Run(folder, words, known.criteria, known.manifest.command))
    errors.print(f"report: {page}", markup=False)
