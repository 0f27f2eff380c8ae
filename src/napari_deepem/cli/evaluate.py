"""The command `napari-deepem evaluate`."""

from __future__ import annotations

from pathlib import Path

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import Length


@app.command
def evaluate(
    picks: Path,
    /,
    *,
    truth: Path,
    box: Length,
    radius: Length | None = None,
    plot: Path | None = None,
) -> None:
    """Compare picks with the truth; prints one line of JSON.

    precision, recall and f1 are those of the picks as they are; ap and f2 judge their ranking by
    score, and the figures at_f2 hold where F2 is best.

    Parameters
    ----------
    picks
        Folder or file of picks.
    truth
        Folder or file of true positions, names of micrographs as in the picks. Positions within
        a tenth of the box of each other are one particle.
    box
        Side of the particle box in pixels.
    radius
        A pick counts if it lies this near to a particle, in pixels; a quarter of the box by
        default.
    plot
        Also draw the curves into this picture (.png, .pdf, .svg).
    """
    import json

    from napari_deepem.batch.evaluate import as_json_values, evaluate_files

    result = evaluate_files(picks, truth, box, radius)
    for names, lacking in ((result.without_truth, "truth"), (result.without_picks, "picks")):
        if names:
            errors.print(f"left out, no {lacking}: {len(names)} ({names[0]}, ...)", markup=False)
    for remark in result.remarks:
        errors.print(remark, markup=False)
    if result.other_name is not None:
        errors.print(f"compared {result.names[0]} with {result.other_name}", markup=False)
    if plot is not None:
        from napari_deepem.batch.figures import draw_curves  # loads matplotlib

        draw_curves(plot, result.evaluation)
        errors.print(f"wrote {plot}", markup=False)
    if result.evaluation.n_picks and result.evaluation.f2_threshold is None:
        errors.print(
            "these picks have no scores, so ap and f2 are those of a single point", markup=False
        )
    values = as_json_values(result.evaluation) | {"n_micrographs": len(result.names)}
    print(json.dumps(values), flush=True)  # or what is wrong with the output shows after the end
