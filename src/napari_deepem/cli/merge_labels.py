"""The command `napari-deepem merge-labels`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import FORMAT_NAMES, Box
from napari_deepem.core.wording import counted, listed


@app.command(name="merge-labels")
def merge_labels(
    first: Path,
    second: Path,
    /,
    *,
    out: Path,
    box: Box | None = None,
    keep: Literal["either", "both"] = "either",
    format: Annotated[str, Parameter(help=f"Format of coordinates: {FORMAT_NAMES}.")] = "star",
    overwrite: bool = False,
) -> None:
    """Merge two people's labels of the same micrographs; prints how far they agree as JSON.

    f1 is the share of all particles that were marked by both, on micrographs that both have
    labelled. Of people who marked only some of the particles it says how many of these are the
    same. What one calls a particle and the other none is unsure: nothing is learnt from it.

    Parameters
    ----------
    first
        A session file (napari-deepem.session) or the folder that has it: its labels and verdicts.
        Or a folder or file of coordinates.
    second
        The same of the other person.
    out
        Folder to write into: coordinate files of particles, of non-particles in a folder of their
        own, and a session file if one of the two has one. Copied beside the micrographs, this
        opens in napari.
    box
        Side of the particle box in pixels of the original files; as the sessions say by default.
        Positions within a quarter of it are one particle.
    keep
        Whether particles that one of the two has marked are particles, or those of both alone:
        then others are unsure, and micrographs that one alone has labelled are left out.
    overwrite
        Replace files that are there already.
    """
    import json

    from napari_deepem.batch.merge_labels import as_json_values, least_agreed, merge_label_files

    merged = merge_label_files(
        first, second, out, box_size_px=box, keep=keep, format=format, overwrite=overwrite
    )
    for remark in merged.remarks:
        errors.print(f"napari-deepem: {remark}", markup=False)
    agreement = merged.agreement
    if merged.of_one:
        action = "taken as they are" if keep == "either" else "left out"
        errors.print(f"labelled by one alone, {action}: {listed(merged.of_one)}", markup=False)
    errors.print(
        f"{counted(agreement.both, 'particle')} marked by both, of {agreement.first} and "
        f"{agreement.second} on {counted(len(merged.agreements), 'micrograph')}: F1 "
        f"{agreement.f1:.3f} within {merged.radius_px:g} px; {agreement.contested} contested",
        markup=False,
    )
    if len(merged.agreements) > 1:
        worst = [
            f"{name} ({merged.agreements[name].f1:.2f})" for name in least_agreed(merged.agreements)
        ]
        errors.print(f"they agree least on {', '.join(worst[:3])}", markup=False)
    errors.print(f"{counted(len(merged.paths), 'file')} written to {out}", markup=False)
    print(json.dumps(as_json_values(merged)), flush=True)
