"""The command `napari-deepem simulate`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import Seed, Share, Size, number, pair_of, whole
from napari_deepem.cli.progress import progress_bar
from napari_deepem.core.wording import counted

if TYPE_CHECKING:
    from napari_deepem.batch.simulate import MicrographSimulated
    from napari_deepem.core.simulation import SimulationSettings


@app.command
def simulate(
    *,
    out: Path,
    map: Path | None = None,
    map_voxel_size: Annotated[float, number(0.01, 1000)] | None = None,
    count: Annotated[int, whole(1, 100_000)] = 20,
    size: Size = (1024, 1024),
    particles: Annotated[int, whole(0, 10_000)] = 60,
    snr: Annotated[float, number(0.0001, 1_000_000)] = 0.1,
    box: Annotated[int, whole(8, 16_384)] | None = None,
    pixel_size: Annotated[float, number(0.01, 1000)] | None = None,
    seed: Seed = 0,
    ctf: Annotated[bool, Parameter(negative="--no-ctf")] = True,
    defocus: Annotated[tuple[float, float], pair_of(float, 0, 10)] = (1.0, 2.5),
    voltage: Annotated[float, number(1, 10_000)] = 300.0,
    cs: Annotated[float, number(0, 1000)] = 2.7,
    amplitude_contrast: Share = 0.1,
    b_factor: Annotated[float, number(0, 100_000)] = 100.0,
    noise: Literal["gaussian", "detector"] = "gaussian",
    ice_gradient: Annotated[float, number(0, 0.5)] = 0.0,
    contamination: Annotated[float, number(0, 20)] = 0.0,
    overlaps: Share = 0.0,
    carbon: Share = 0.0,
) -> None:
    """Simulate micrographs of a density map, with their particles' true positions.

    Writes NAME.mrc, NAME.csv and NAME.star for each micrograph, and simulation.json. By default
    particles lie apart on a clean background, under white Gaussian noise.

    Parameters
    ----------
    out
        Folder for everything that is written.
    map
        Density map of the particle (.mrc, .map), matter positive; its voxel n // 2 is the
        particle's position. By default the embedded particle after KLH.
    map_voxel_size
        In A, where the map's header does not say or is wrong.
    count
        How many micrographs.
    size
        Height and width in pixels.
    particles
        In each micrograph; fewer where they find no place.
    snr
        Signal-to-noise ratio: the variance of a particle's own noise-free image over the pixels
        of its box, averaged over a micrograph's particles, over the variance of the noise.
    box
        Side in pixels of the box in which the signal is measured, and in whose units particles
        keep apart; 1.4 times the particle's diameter by default.
    pixel_size
        In A; the map's voxel size by default.
    seed
        The k-th micrograph depends on it and on k, not on how many there are.
    ctf
        Apply a contrast transfer function; without one, particles are merely dark and there is
        no defocus.
    defocus
        Lowest and highest underfocus in um, drawn for each micrograph.
    voltage
        In kV.
    cs
        Spherical aberration in mm.
    amplitude_contrast
        Fraction, 0 to 1.
    b_factor
        Of the envelope exp(-B k^2 / 4), in A^2.
    noise
        "gaussian": white; "detector": as on a real micrograph, from ice that passes the contrast
        transfer, electrons and a detector that blurs. Both at the same ratio.
    ice_gradient
        How much brighter the thin side of the ice is than the thick one, as a fraction; 0.05 is
        common.
    contamination
        Ice crystals, specks and broken particles; 1 is as much as on the embedded sample.
    overlaps
        Share of the particles that may touch and overlap others, 0 to 1.
    carbon
        Share of the micrographs with the edge of a carbon film, 0 to 1.
    """
    command = _command(locals())
    from napari_deepem.batch.simulate import load_particle, simulate_files
    from napari_deepem.core.simulation import Optics, SimulationSettings

    particle = load_particle(map, map_voxel_size, pixel_size)
    settings = SimulationSettings(
        optics=Optics(particle.pixel_size, voltage, cs, amplitude_contrast, b_factor),
        count=count,
        shape=size,
        particles=particles,
        snr=snr,
        box_size_px=particle.box_size_px if box is None else box,
        seed=seed,
        defocus_range_angstrom=(1e4 * defocus[0], 1e4 * defocus[1]) if ctf else None,
        overlaps=overlaps,
        ice_gradient=ice_gradient,
        contamination=contamination,
        carbon=carbon,
        noise=noise,
    )
    follow_simulation(simulate_files(particle, settings, out, command), settings, out, errors)


def _command(options: Mapping[str, object]) -> str:
    """The line that makes the same set again, whatever the defaults are then; without --out."""
    words = ["napari-deepem", "simulate"]
    for name, value in options.items():
        if name == "ctf":
            words += [] if value else ["--no-ctf"]
        elif name != "out" and value is not None:
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return shlex.join(words)


def follow_simulation(
    job: Iterable[MicrographSimulated],
    settings: SimulationSettings,
    folder: Path,
    console: Console,
) -> None:
    """Run a simulation, showing every micrograph, and say what was written."""
    particles, crowded = 0, 0
    with progress_bar(console, "simulating") as progress:
        for done, news in enumerate(job, start=1):
            particles += news.particles
            crowded += news.particles < settings.particles
            if not console.is_terminal:
                console.print(f"{news.name}: {counted(news.particles, 'particle')}", markup=False)
            progress.update(
                progress.task_ids[0],
                completed=done,
                total=settings.count,
                figures=counted(particles, "particle"),
            )
    console.print(
        f"wrote {counted(settings.count, 'micrograph')} with {counted(particles, 'particle')} "
        f"to {folder}: box {settings.box_size_px} px, {settings.optics.pixel_size:g} A/px",
        markup=False,
    )
    if crowded:
        console.print(
            f"{crowded} of them had no place for {settings.particles} particles: give fewer, "
            "larger micrographs or more overlaps",
            markup=False,
        )
