"""Extraction in files: picks and micrographs in, a stack of particles and its STAR file out."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.batch.micrograph_optics import HeaderOptics, OpticsOptions, StarOptics
from napari_deepem.batch.overwriting import refuse_to_replace
from napari_deepem.batch.particle_plan import ParticlePlan, plan_particles
from napari_deepem.batch.prefetch import read_ahead
from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.particle_images import ParticleImaging
from napari_deepem.core.types import Picks
from napari_deepem.io.atomic import check_writable
from napari_deepem.io.coordinates.star_tables import quoted
from napari_deepem.io.images import read_micrograph
from napari_deepem.io.particle_stack import ParticleStack, particle_stack
from napari_deepem.io.particle_star import MicrographParticles, write_particle_star

_SUFFIX = ".mrcs"  # by which RELION knows a stack
_BYTES_A_PIXEL = 4


@dataclass(frozen=True, slots=True)
class MicrographExtracted:
    """The progress of extraction: one micrograph is over."""

    name: str
    n_particles: int  # that are written
    problem: str | None = None  # one line: why it can't be read


@dataclass(frozen=True, slots=True)
class ParticleOutput:
    """The files of particles, and what may happen to those that are there."""

    stack: Path  # .mrcs; the STAR file names it so, and RELION looks from its project's folder
    overwrite: bool = False

    @property
    def star(self) -> Path:
        """The STAR file, beside the stack."""
        return self.stack.with_suffix(".star")

    def check(self, inputs: Sequence[Path]) -> None:
        """Raise InputError unless the files can stand there, before long work.

        They may neither replace what is extracted from, nor be taken for that the next time.
        """
        stack, star = self.stack, self.star
        if stack.suffix != _SUFFIX:
            raise InputError(f"--out {stack}: RELION knows a stack by {_SUFFIX}; name it so")
        quoted(stack.as_posix())  # or it is refused when all the work is done
        for given in inputs:
            if given.resolve() in (stack.resolve(), star.resolve()):
                raise InputError(
                    f"{given} would be replaced by the particles: choose another --out"
                )
            if given.is_dir() and given.resolve() == stack.resolve().parent:
                raise InputError(
                    f"{given} has the picks, for which {star.name} would be taken the next time: "
                    "choose another folder"
                )
        if not self.overwrite:
            refuse_to_replace((stack, star))
        check_writable(stack.parent)


def extract_files(
    sources: Sequence[Path],
    micrographs: Sequence[Path],
    output: ParticleOutput,
    imaging: ParticleImaging,
    optics: OpticsOptions | Path,
) -> Generator[ParticlePlan | MicrographExtracted, None, int]:
    """A stream of the plan, then of each micrograph, that returns the number of particles written.

    A micrograph that can't be read is reported, also in the plan, and the others go on. One is in
    memory at a time, and the next one, which is read meanwhile.

    Parameters
    ----------
    sources, micrographs
        See `plan_particles`.
    output
        The files appear when all is done.
    imaging
    optics
        Of all micrographs; or RELION's STAR file of micrographs, which has optics groups and CTF.

    Raises
    ------
    InputError
        An input can't be used, no particle is left, or the files can't be written.
    """
    output.check([*sources, *micrographs, *([optics] if isinstance(optics, Path) else [])])
    known = StarOptics(optics) if isinstance(optics, Path) else HeaderOptics(optics)
    plan = plan_particles(sources, micrographs, imaging.box_px, known)
    if not plan.micrographs:
        raise InputError(_nothing_left(plan))
    yield plan
    scale, extracted = imaging.box_px / imaging.size_px, []
    pixel_size = scale * plan.pixel_size if plan.pixel_size else None
    with particle_stack(output.stack, imaging.size_px, pixel_size) as stack:
        _require_space(output.stack, plan.n_particles * imaging.size_px**2)
        paths = [each.path for each in plan.micrographs]
        for each, (_, read) in zip(
            plan.micrographs, read_ahead(paths, read_micrograph), strict=True
        ):
            try:
                picks = _extract(read().image, each.picks, imaging, stack)
            except InputError as error:
                plan.problems[each.name] = str(error)
                yield MicrographExtracted(each.name, 0, str(error))
                continue
            plan.n_flat += len(each.picks) - len(picks)
            extracted.append(MicrographParticles(each.entry, picks))
            yield MicrographExtracted(each.name, len(picks))
        if not stack.n_images:
            raise InputError(_nothing_left(plan))
        groups = [plan.groups[number] for number in sorted(plan.groups)]
        write_particle_star(
            output.star, output.stack, extracted, groups, size_px=imaging.size_px, scale=scale
        )
    return stack.n_images


def _extract(
    image: NDArray[Any], picks: Picks, imaging: ParticleImaging, stack: ParticleStack
) -> Picks:
    """The picks whose images were added to a stack."""
    are_kept = []
    for images, is_kept in imaging.images_of(image, picks.centres_yx):
        stack.append(images)
        are_kept.append(is_kept)
    return picks.at(np.concatenate(are_kept))


def _require_space(path: Path, n_pixels: int) -> None:
    needed, free = n_pixels * _BYTES_A_PIXEL, shutil.disk_usage(path.parent).free
    if needed > free:
        raise InputError(
            f"{path}: needs {needed / 1e9:.3g} GB, of which {free / 1e9:.3g} GB are free; bin more "
            "or choose another disk"
        )


def _nothing_left(plan: ParticlePlan) -> str:
    reasons = [*plan.problems.values()][:1] + ([plan.left_out] if plan.left_out else [])
    return f"no particle is left: {'; '.join(reasons) or 'there are no picks'}"
