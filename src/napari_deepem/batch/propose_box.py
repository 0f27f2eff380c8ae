"""Proposing a box for micrographs in files, of which nothing is labelled."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import BoxSizesTried, passed_on
from napari_deepem.core.network.devices import DeviceName, chosen_device
from napari_deepem.core.picking.box_proposal import (
    ENOUGH_MICROGRAPHS,
    BoxProposal,
    StrengthCurve,
    proposal_of,
    trying_box_sizes,
)
from napari_deepem.io.images import read_micrograph


@dataclass(frozen=True, eq=False, slots=True)
class ProposalOfFiles:
    """The boxes that are proposed, and what can't be used of the files that were looked at."""

    proposal: BoxProposal
    problems: tuple[str, ...]  # one line each


def propose_box_of_files(
    paths: Sequence[Path], device: DeviceName = "auto"
) -> Generator[BoxSizesTried, None, ProposalOfFiles]:
    """A stream of `BoxSizesTried`, over all files together, that returns what is proposed.

    Of more than five files, five are looked at, from the first to the last; one is in memory at a
    time. One that can't be used does not stop the others.

    Raises
    ------
    InputError
        If none of them can be used, or the device is not there.
    """
    chosen_device(device)
    chosen = _spread_over(paths)
    curves: list[StrengthCurve] = []
    problems: list[str] = []
    for number, path in enumerate(chosen):
        try:
            trying = trying_box_sizes(read_micrograph(path), device)
            curves.append((yield from _counted(trying, number, len(chosen))))
        except InputError as error:
            problems.append(str(error))
    if not curves and problems:
        raise InputError(problems[0])
    return ProposalOfFiles(proposal_of(curves), tuple(problems))


def _counted(
    trying: Generator[BoxSizesTried, None, StrengthCurve], before: int, micrographs: int
) -> Generator[BoxSizesTried, None, StrengthCurve]:
    """The same, counted over several micrographs, of which some were tried before."""
    return passed_on(
        trying,
        lambda tried: BoxSizesTried(before * tried.total + tried.done, micrographs * tried.total),
    )


def _spread_over(paths: Sequence[Path]) -> list[Path]:
    count = min(len(paths), ENOUGH_MICROGRAPHS)
    return [paths[round(place)] for place in np.linspace(0, len(paths) - 1, count)]
