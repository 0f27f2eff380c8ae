"""What is to be extracted: picks matched to micrographs, of which only the headers are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from napari_deepem.batch.micrograph_optics import MicrographOptics
from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.particle_images import boxes_inside
from napari_deepem.core.types import Picks
from napari_deepem.core.wording import counted, listed
from napari_deepem.io.coordinates import names_left_out, open_sources, read_coordinate_set
from napari_deepem.io.coordinates.rows import nearest_pixel
from napari_deepem.io.images import micrograph_name, read_pixel_size, read_shape
from napari_deepem.io.micrographs_star import MicrographEntry, OpticsGroup


@dataclass(frozen=True, eq=False, slots=True)
class PlannedMicrograph:
    """A micrograph, and its picks whose boxes lie on it, on whole pixels."""

    name: str
    path: Path
    entry: MicrographEntry
    picks: Picks


@dataclass(eq=False, slots=True)
class ParticlePlan:
    """The micrographs with boxes to be cut out, and what is left out."""

    groups: Mapping[int, OpticsGroup]  # by number
    remarks: list[str]
    micrographs: list[PlannedMicrograph] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)  # of micrographs that can't be read
    n_over_edge: int = 0  # picks whose boxes reach over the edge
    n_flat: int = 0  # boxes with a background that is the same all over: it can't be normalised

    @property
    def n_particles(self) -> int:
        """The number of boxes that are to be cut out."""
        return sum(len(each.picks) for each in self.micrographs)

    @property
    def pixel_size(self) -> float | None:
        """A/px of all micrographs; None if they differ."""
        sizes = {self.groups[each.entry.group].pixel_size for each in self.micrographs}
        return sizes.pop() if len(sizes) == 1 else None

    @property
    def left_out(self) -> str:
        """The picks that have no particle image, in words; empty without any."""
        reasons = {"over the edge": self.n_over_edge, "on a flat background": self.n_flat}
        return ", ".join(f"{counted(n, 'pick')} {place}" for place, n in reasons.items() if n)


def plan_particles(
    sources: Sequence[Path], micrographs: Sequence[Path], box_px: int, optics: MicrographOptics
) -> ParticlePlan:
    """The particles of picks in files and folders, on those of the micrographs that have any.

    Parameters
    ----------
    sources
        Files and folders of coordinates, of which no two may have the same micrograph.
    micrographs
    box_px
        Side of the boxes, original pixels.
    optics
        Micrographs that it does not know are left out.

    Raises
    ------
    InputError
        A coordinate file can't be used, no micrograph has picks, or one has no pixel size.
    """
    plan = ParticlePlan(optics.groups, optics.remarks)
    paths = {micrograph_name(path): path for path in micrographs}
    picks_of = _picks_by_name(sources, list(paths), plan.remarks)
    for name in optics.known(picks_of):
        try:
            shape, pixel_size = read_shape(paths[name]), read_pixel_size(paths[name])
        except InputError as error:
            plan.problems[name] = str(error)
            continue
        entry = optics.entry_of(name, paths[name], pixel_size)
        pixels_yx = nearest_pixel(picks_of[name].centres_yx).astype(np.float64)
        is_inside = boxes_inside(pixels_yx, box_px, shape)
        picks = replace(picks_of[name], centres_yx=pixels_yx).at(is_inside)
        plan.n_over_edge += len(pixels_yx) - len(picks)
        if len(picks):
            plan.micrographs.append(PlannedMicrograph(name, paths[name], entry, picks))
    return plan


def _picks_by_name(
    paths: Sequence[Path], names: Sequence[str], remarks: list[str]
) -> dict[str, Picks]:
    """The picks of those micrographs that have any, in the order of their names."""
    source = open_sources(paths)
    picks = read_coordinate_set(source, names)
    if unmatched := names_left_out(source, names):
        remarks.append(f"left out, no micrograph: picks of {listed(unmatched)}")
    remarks += dict.fromkeys(source.remarks)
    return picks
