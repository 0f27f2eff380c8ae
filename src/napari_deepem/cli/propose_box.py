"""The command `napari-deepem propose-box`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import Device, Micrographs, given_micrographs
from napari_deepem.cli.progress import progress_bar
from napari_deepem.core.jobs import BoxSizesTried, finish
from napari_deepem.core.network.devices import DeviceName

if TYPE_CHECKING:
    from napari_deepem.core.picking.box_proposal import BoxProposal


@app.command
def propose_box(micrographs: Micrographs, /, *, device: Device = "auto") -> None:
    """Propose a box for particles that nobody has labelled; prints one line of JSON.

    The general network is run with boxes of many sizes, on five micrographs at most. The three
    that may be right are printed, the likeliest first: box, its side in pixels of the original
    file, and strength, how sure the network is of its best picks there (a median of logits).
    Nothing is written.

    Parameters
    ----------
    device
        What computes: auto takes an NVIDIA (cuda) or Apple (mps) GPU where there is one.
    """
    import json

    choices = follow_proposing(given_micrographs(micrographs), device, errors).choices
    values = [{"box": each.box_size_px, "strength": round(each.strength, 3)} for each in choices]
    print(json.dumps(values), flush=True)  # or what is wrong with the output shows after the end


def follow_proposing(paths: Sequence[Path], device: DeviceName, console: Console) -> BoxProposal:
    """The boxes that are proposed for micrographs, which is shown as it goes on."""
    from napari_deepem.batch.propose_box import propose_box_of_files

    with progress_bar(console, "proposing a box") as progress:

        def show(news: BoxSizesTried) -> None:
            progress.update(progress.task_ids[0], completed=news.done, total=news.total)

        result = finish(propose_box_of_files(paths, device), show)
    for problem in result.problems:
        console.print(f"napari-deepem: {problem}", markup=False)
    return result.proposal
