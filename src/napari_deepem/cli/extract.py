"""The command `napari-deepem extract`."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from napari_deepem.cli.app import SOME_FAILED, app, errors
from napari_deepem.cli.options import (
    Micrographs,
    PixelSize,
    Share,
    given_micrographs,
    number,
    whole,
)
from napari_deepem.cli.progress import progress_bar
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.wording import counted

if TYPE_CHECKING:
    from napari_deepem.batch.extract import MicrographExtracted
    from napari_deepem.batch.particle_plan import ParticlePlan

Picks = Annotated[
    list[Path],
    Parameter(help="Coordinate files, and folders of them, of any format.", consume_multiple=True),
]
ExtractionBox = Annotated[int, whole(2, 8192)]


@app.command
def extract(
    picks: Picks,
    /,
    *,
    micrographs: Micrographs,
    box: ExtractionBox,
    out: Path,
    bin: Annotated[int | None, whole(1, 64)] = None,
    to: ExtractionBox | None = None,
    invert: bool = False,
    normalize: bool = False,
    background_radius: Annotated[float | None, number(1, 8192)] = None,
    ctf: Path | None = None,
    pixel_size: PixelSize | None = None,
    voltage: Annotated[float | None, number(1, 10_000)] = None,
    cs: Annotated[float | None, number(0, 100)] = None,
    amplitude_contrast: Share | None = None,
    overwrite: bool = False,
) -> None:
    """Cut picked particles out; writes a stack of them and a STAR file for RELION 3.1 and later.

    The images are those that RELION's own extraction makes. Each box lies around the pixel nearest
    to its pick, and the STAR file has that pixel. Boxes that reach over the edge are left out.

    Parameters
    ----------
    box
        Side of the boxes in pixels of the micrographs, even.
    out
        The stack, NAME.mrcs; NAME.star comes beside it. Run it in RELION's project folder and give
        both names as seen from there: RELION looks for them from its project folder.
    bin
        Make images this many times smaller, by Fourier cropping.
    to
        Make images of this side in pixels instead, even, by Fourier cropping.
    invert
        Invert the contrast: RELION wants white particles.
    normalize
        Bring the background to mean 0 and standard deviation 1, after taking off a ramp.
    background_radius
        What lies further from the middle is background, in pixels of the micrographs; 0.375 of the
        box by default.
    ctf
        RELION's STAR file of micrographs with optics groups, such as micrographs_ctf.star: what it
        has of optics and CTF goes into the STAR file. Micrographs that it lacks are left out.
    pixel_size
        A/px of the micrographs; without it, or --ctf, as their headers say.
    voltage
        Acceleration voltage, kV.
    cs
        Spherical aberration, mm.
    amplitude_contrast
        Share of amplitude contrast, mostly 0.07 to 0.1.
    overwrite
        Replace NAME.mrcs and NAME.star where they are there already.
    """
    from napari_deepem.batch.extract import ParticleOutput, extract_files
    from napari_deepem.batch.micrograph_optics import OpticsOptions
    from napari_deepem.core.preprocessing.particle_images import (
        BACKGROUND_RADIUS_BOXES,
        ParticleImaging,
    )

    size = _size(box, bin, to)
    if background_radius is not None and not normalize:
        raise InputError("--background-radius is that of --normalize: give both")
    radius = BACKGROUND_RADIUS_BOXES * box if background_radius is None else background_radius
    if radius >= box / 2:
        raise InputError(f"--background-radius {radius:g}: give less than half of the box")
    imaging = ParticleImaging(box, size, radius * size / box if normalize else None, invert)
    optics = OpticsOptions(pixel_size, voltage, cs, amplitude_contrast)
    if ctf is not None and optics != OpticsOptions():
        raise InputError(
            "--ctf has pixel size, voltage, Cs and amplitude contrast: leave those options out"
        )
    refined_with = {"--voltage": voltage, "--cs": cs, "--amplitude-contrast": amplitude_contrast}
    unknown = [option for option, value in refined_with.items() if value is None and ctf is None]
    output = ParticleOutput(out, overwrite)
    job = extract_files(picks, given_micrographs(micrographs), output, imaging, ctf or optics)
    if follow_extraction(job, out, unknown, errors):
        sys.exit(SOME_FAILED)


def _size(box: int, binning: int | None, size: int | None) -> int:
    """The side of the images, which RELION wants even, as it does that of the boxes."""
    if box % 2:
        raise InputError(f"--box {box}: RELION wants even boxes; give {box + 1}")
    if binning is not None and size is not None:
        raise InputError("--bin and --to both say how large the images are: give one of them")
    if binning is not None:
        if box % (2 * binning):
            nearest = max(1, round(box / (2 * binning))) * 2 * binning
            raise InputError(
                f"--bin {binning} makes no even number of pixels of a box of {box}; give --box "
                f"{nearest}, or --to"
            )
        return box // binning
    if size is not None and (size % 2 or size > box):
        raise InputError(f"--to {size}: give an even number that is no larger than the box")
    return size or box


def follow_extraction(
    job: Generator[ParticlePlan | MicrographExtracted, None, int],
    out: Path,
    unknown: Sequence[str],
    console: Console,
) -> list[str]:
    """The names of micrographs that can't be read in an extraction, which is run and told of."""
    from napari_deepem.batch.particle_plan import ParticlePlan

    plan = ParticlePlan({}, [])
    done = used = particles = 0

    def tell(text: str) -> None:
        console.print(f"napari-deepem: {text}", markup=False)

    with progress_bar(console, "extracting") as progress:

        def show(news: ParticlePlan | MicrographExtracted) -> None:
            nonlocal plan, done, used, particles
            if isinstance(news, ParticlePlan):
                plan = news
                for text in (*plan.remarks, *plan.problems.values()):
                    tell(text)
            else:
                done, particles = done + 1, particles + news.n_particles
                used += news.n_particles > 0
                if news.problem is not None:
                    tell(news.problem)
            progress.update(
                progress.task_ids[0],
                completed=done,
                total=len(plan.micrographs),
                figures=f"{particles} of {plan.n_particles} particles",
            )

        n_particles = finish(job, show)
    text = f"{counted(n_particles, 'particle')} of {counted(used, 'micrograph')} in {out}"
    console.print(f"{text}; {plan.left_out} left out" if plan.left_out else text, markup=False)
    if unknown:
        console.print(
            f"not in the STAR file, and refinement needs it: give {', '.join(unknown)}, or --ctf",
            markup=False,
        )
    if plan.problems:
        console.print(
            f"{counted(len(plan.problems), 'micrograph')} could not be read", markup=False
        )
    return list(plan.problems)
