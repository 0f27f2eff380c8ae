"""Extraction in files: picks and micrographs in, a stack of particles and its STAR file out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_deepem.batch.micrograph_optics import HeaderOptics, OpticsOptions, StarOptics
from napari_deepem.batch.particle_plan import ParticlePlan, PlannedMicrograph, plan_particles
from napari_deepem.batch.prefetch import read_ahead
from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.particle_images import ParticleImaging
from napari_deepem.core.types import Micrograph
from napari_deepem.io.images import read_micrograph
from napari_deepem.io.particle_files import (
    ParticleFiles,
    particle_columns,
    particle_files,
    star_beside,
)

_SUFFIX = ".mrcs"  # by which RELION knows a stack
_BYTES_A_PIXEL, _BYTES_A_ROW = 4, 300


@dataclass(frozen=True, slots=True)
class MicrographExtracted:
    """The progress of extraction: one micrograph is over."""

    name: str
    n_particles: int  # that are written
    problem: str | None = None  # one line: why it can't be read


def check_output(path: Path, inputs: Sequence[Path]) -> None:
    """Raise InputError unless the stack at a path, and its STAR file, can stand there.

    They may not be taken for inputs of the next extraction, nor replace one of this.
    """
    if path.suffix != _SUFFIX:
        raise InputError(f"--out {path}: RELION knows a stack by {_SUFFIX}; name it so")
    star = star_beside(path)
    for given in inputs:
        if given.resolve() in (path.resolve(), star.resolve()):
            raise InputError(f"{given} would be replaced by the particles: choose another --out")
        if given.is_dir() and given.resolve() == path.resolve().parent:
            raise InputError(
                f"{given} has the picks, for which {star.name} would be taken the next time: "
                "choose another folder"
            )


def extract_files(
    sources: Sequence[Path],
    micrographs: Sequence[Path],
    path: Path,
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
    path
        Of the stack, `.mrcs`; the STAR file is written beside it. Both appear when all is done.
    imaging
    optics
        Of all micrographs; or RELION's STAR file of micrographs, which has optics groups and CTF.

    Raises
    ------
    InputError
        An input can't be used, no particle is left, or the files can't be written.
    """
    check_output(path, [*sources, *micrographs, *([optics] if isinstance(optics, Path) else [])])
    known = StarOptics(optics) if isinstance(optics, Path) else HeaderOptics(optics)
    plan = plan_particles(sources, micrographs, imaging.box_px, known)
    planned = plan.micrographs
    if not planned:
        raise InputError(_nothing_left(plan))
    yield plan
    files = particle_files(
        path,
        [plan.groups[number] for number in sorted(plan.groups)],
        particle_columns([each.picks for each in planned], [each.entry for each in planned]),
        size_px=imaging.size_px,
        scale=imaging.box_px / imaging.size_px,
    )
    with files as output:
        _require_space(
            path, plan.n_particles * (_BYTES_A_PIXEL * imaging.size_px**2 + _BYTES_A_ROW)
        )
        for each, (_, read) in zip(
            planned, read_ahead([each.path for each in planned], read_micrograph), strict=True
        ):
            yield _extract(each, read, imaging, output, plan)
        if not output.n_particles:
            raise InputError(_nothing_left(plan))
    return output.n_particles


def _extract(
    planned: PlannedMicrograph,
    read: Callable[[], Micrograph],
    imaging: ParticleImaging,
    output: ParticleFiles,
    plan: ParticlePlan,
) -> MicrographExtracted:
    """Add the particles of one micrograph; what is left out is counted in the plan."""
    try:
        image = read().image
    except InputError as error:
        plan.problems[planned.name] = str(error)
        return MicrographExtracted(planned.name, 0, str(error))
    before = output.n_particles
    left = planned.picks
    for images, is_kept in imaging.images_of(image, left.centres_yx):
        output.add(images, planned.entry, left.at(slice(len(is_kept))).at(is_kept))
        left = left.at(slice(len(is_kept), None))
    n_particles = output.n_particles - before
    plan.n_flat += len(planned.picks) - n_particles
    return MicrographExtracted(planned.name, n_particles)


def _require_space(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise InputError(
            f"{path}: needs {needed / 1e9:.3g} GB, of which {free / 1e9:.3g} GB are free; bin more "
            "or choose another disk"
        )


def _nothing_left(plan: ParticlePlan) -> str:
    reasons = [*plan.problems.values()][:1] + ([plan.left_out] if plan.left_out else [])
    return f"no particle is left: {'; '.join(reasons) or 'there are no picks'}"
