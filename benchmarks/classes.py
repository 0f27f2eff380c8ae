"""RELION's 2D classes of our picks (Supplementary Fig. 5 of the paper): docs/classes.md.

python benchmarks/classes.py

All that is done is done by command lines, ours and RELION's, which the page shows.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import mrcfile
import numpy as np
import sets
import starfile
from numpy.typing import NDArray
from pages import code, image, shown, table, write_page
from pandas import DataFrame
from peers import version
from plots import draw_classes
from trials import MEMORY, Outcome, digest

from napari_deepem.batch.simulate import load_particle
from napari_deepem.core.evaluation.metrics import match
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.simulation import random_orientations
from napari_deepem.core.simulation.optics import transfer
from napari_deepem.core.simulation.simulated_set import MICROSCOPE
from napari_deepem.io.coordinates import read_coordinate_set

COUNT, LABELLED = (4, 2) if sets.QUICK else (14, 2)  # micrographs, and those that are trained on
PARTICLES = 45  # of each micrograph
CLASSES, ITERATIONS = (3, 3) if sets.QUICK else (8, 15)
DEFOCUS = 17_500.0  # A, the mean of what is simulated
VIEWS = 3000  # of the particle, turned in the plane too
SHIFT_PX = 3  # by which a class average may lie beside the middle
ALIKE = 0.5  # the correlation of a good class
REFINE = "relion_refine"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is simulated, and how it is cut out and classified."""

    title: str
    pixel_size: float  # A
    box_px: int
    extracted_px: int  # box that is cut out
    image_px: int  # size that it is made to
    diameter_angstrom: int  # of RELION's mask
    noise: str  # and how much of it
    map: Path | None = None
    voxel_size: float | None = None
    is_shown: bool = True  # pictures of what others measured stay out of the repository

    def commands(self) -> list[str]:
        """The lines that take this from nothing to classes, in an empty folder."""
        made_of = f"--map {self.map} --map-voxel-size {self.voxel_size} " if self.map else ""
        names = [f"micrographs/simulated_{number:03d}.mrc" for number in range(1, COUNT + 1)]
        return [
            f"napari-deepem simulate --out micrographs {made_of}--pixel-size {self.pixel_size}"
            f" --count {COUNT} --particles {PARTICLES} {self.noise}"
            f" --contamination 1 --box {self.box_px}",
            f"napari-deepem train {' '.join(names[:LABELLED])} --coords micrographs"
            f" --box {self.box_px} --out model.safetensors",
            f"napari-deepem pick {' '.join(names[LABELLED:])} --model model.safetensors"
            " --out picks --format star",
            "napari-deepem extract picks --micrographs micrographs --out particles.mrcs"
            f" --box {self.extracted_px} --to {self.image_px} --invert --normalize"
            " --voltage 300 --cs 2.7 --amplitude-contrast 0.1",
            "mkdir Class2D",
            f"{REFINE} --i particles.star --o Class2D/run --iter {ITERATIONS} --K {CLASSES}"
            f" --tau2_fudge 2 --particle_diameter {self.diameter_angstrom} --flatten_solvent"
            " --zero_mask --norm --scale --psi_step 15 --offset_range 3 --offset_step 2"
            " --oversampling 1 --random_seed 1 --j 1",
        ]


SUBJECTS = [
    Subject(
        "embedded particle, after KLH", 4.7, 112, 112, 32, 450, "--snr 0.02 --noise detector"
    ),
    Subject(
        "70S ribosome", 3.0, 112, 112, 30, 290, "--snr 0.05 --noise gaussian",
        sets.RIBOSOME, sets.VOXEL_SIZE, is_shown=False,
    ),
]  # fmt: skip


def main() -> None:
    """Make what is missing, draw and write the page."""
    present = [each for each in SUBJECTS if each.map is None or each.map.is_file()]
    outcomes = {each.title: judged(each, made(each)) for each in present}
    rows = [
        [
            title,
            str(outcome["picks"]),
            str(outcome["particles"]),
            f"{outcome['precision']:.3f}",
            str(sum(each["correlation"] >= ALIKE for each in outcome["classes"])),
            shown(outcome["good_share"]),
            shown(outcome["good_precision"]),
        ]
        for title, outcome in outcomes.items()
    ]
    header = ["", "picks", "particles there", "precision", "good classes"]
    header += ["share of picks in them", "precision in them"]
    parts = [
        ABOUT,
        "![Class averages with the numbers of their picks](images/classes.png)",
        table(header, rows),
        THERE,
        *([RIBOSOME] if SUBJECTS[1] in present else []),
        "## What was run",
        RUN.format(version=version(shutil.which(REFINE))),
        code(SUBJECTS[0].commands()),
    ]
    write_page("classes", "2D classes of what is picked", parts, outcomes)


def made(subject: Subject) -> Path:
    """The folder with all that the commands make; made once, until they or our sources change."""
    commands = subject.commands()
    sources = digest(("src/napari_deepem/core", "src/napari_deepem/batch"))
    key = hashlib.sha256("\n".join([*commands, sources]).encode()).hexdigest()[:12]
    folder = MEMORY / "classes" / key
    done = folder / "done"
    if done.is_file():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for number, command in enumerate(commands):
        print(f"{subject.title}: {command.split(' --')[0]}", flush=True)
        with (folder / f"{number}.log").open("w") as log:
            subprocess.run(
                shlex.split(command),
                cwd=folder,
                check=True,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"OMP_NUM_THREADS": "1", "PATH": path},
            )
    done.touch()
    return folder


def judged(subject: Subject, folder: Path) -> Outcome:
    """The figures of the classes in a folder; draws them where that may be shown."""
    last = f"Class2D/run_it{ITERATIONS:03d}"
    picks = starfile.read(folder / f"{last}_data.star")["particles"]
    averages = mrcfile.read(folder / f"{last}_classes.mrcs")
    is_right, n_particles = right_picks(picks, folder / "micrographs", subject.box_px)
    alike = correlations(averages, subject)
    classes = []
    for number, correlation in enumerate(alike, start=1):
        here = (picks.rlnClassNumber == number).to_numpy()
        figures = {"picks": int(here.sum()), "right": int(is_right[here].sum())}
        classes.append({**figures, "correlation": round(float(correlation), 3)})
    is_good = np.isin(picks.rlnClassNumber, 1 + np.flatnonzero(alike >= ALIKE))
    order = sorted(range(len(classes)), key=lambda index: -classes[index]["picks"])
    filled = [index for index in order if classes[index]["picks"]]
    path = image("classes") if subject.is_shown else folder / "classes.png"
    draw_classes(path, averages[filled], [classes[index] for index in filled])
    return {
        "picks": len(picks),
        "particles": n_particles,
        "precision": float(is_right.mean()),
        "good_share": float(is_good.mean()),
        "good_precision": float(is_right[is_good].mean()) if is_good.any() else None,
        "classes": [classes[index] for index in order],
    }


def right_picks(picks: DataFrame, truth: Path, box_px: int) -> tuple[NDArray[np.bool_], int]:
    """(n,) which picks are a particle each; and how many particles their micrographs have."""
    names = picks.rlnMicrographName.map(lambda name: Path(name).stem).to_numpy()
    centres_yx = picks[["rlnCoordinateY", "rlnCoordinateX"]].to_numpy()
    is_right, n_particles = np.zeros(len(picks), dtype=bool), 0
    for name, true in read_coordinate_set(truth, sorted(set(names))).items():
        here = names == name
        radius_px = SAME_PARTICLE_BOXES * box_px
        is_right[here] = match(centres_yx[here], true.centres_yx, radius_px)
        n_particles += len(true)
    return is_right, n_particles


def correlations(averages: NDArray[np.float32], subject: Subject) -> NDArray[np.float64]:
    """(k,) correlation of each class average with that view of the particle which it is most like.

    Within RELION's mask, the view moved by some pixels at most.
    """
    pixel_size = subject.pixel_size * subject.extracted_px / subject.image_px
    projector = load_particle(subject.map, subject.voxel_size, pixel_size).projector
    side, middle = averages.shape[-1], averages.shape[-1] // 2
    response = transfer((3 * side, 3 * side), replace(MICROSCOPE, pixel_size=pixel_size), DEFOCUS)
    rows, cols = np.mgrid[:side, :side] - middle
    mask = np.hypot(rows, cols) <= subject.diameter_angstrom / pixel_size / 2
    wanted = np.stack([_normal(average[mask]) for average in averages])
    best = np.full(len(averages), -1.0)
    for turn in random_orientations(VIEWS, np.random.default_rng(0)):
        view = _seen(projector.project(turn), response)
        view = view[side : 2 * side, side : 2 * side]
        for shift in np.ndindex(2 * SHIFT_PX + 1, 2 * SHIFT_PX + 1):
            moved = np.roll(view, np.subtract(shift, SHIFT_PX), axis=(0, 1))
            best = np.maximum(best, wanted @ _normal(moved[mask]))
    return best


def _normal(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Values with a mean of 0 and a length of 1, or all 0."""
    centred = values - values.mean(dtype=np.float64)
    length = float(np.linalg.norm(centred))
    return centred / length if length else centred


def _seen(view: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float64]:
    """A view as a microscope shows it, matter white, in the middle of an image of its own size."""
    side = response.shape[0]
    padded = np.zeros((side, side))
    start = side // 2 - view.shape[0] // 2
    padded[start : start + view.shape[0], start : start + view.shape[0]] = view
    return -np.fft.irfft2(np.fft.rfft2(padded) * response, s=padded.shape)


ABOUT = f"""\
The paper's Supplementary Fig. 5: class averages of what was picked show the particle from its
sides. Here {COUNT} micrographs of {PARTICLES} particles, some ice and dirt are simulated; a
network learns from the first {LABELLED}, picks the others, and RELION sorts what was picked, but
for the boxes that reach over an edge, into {CLASSES} classes, without any reference. Above each
average: how many picks are in the class, how many of these are a particle (within a quarter of
the box), and how well the average correlates with the most similar of {VIEWS} views of the
particle, seen at the mean defocus. A good class is one where that is {ALIKE:g} or more. RELION
leaves some classes empty."""

THERE = "*Particles there* are all that the micrographs have, those at an edge too."

RUN = """\
With RELION {version}. Nothing is corrected for the CTF: pixels are so large that its first zero
lies beyond what they show."""

RIBOSOME = f"""\
The ribosome's map is not ours, so that only figures are here; its averages lie in
`build/benchmarks/classes`. It is made and classified alike, at {SUBJECTS[1].pixel_size:g} A/px,
with `{SUBJECTS[1].noise}`, images of {SUBJECTS[1].image_px} px and a diameter of
{SUBJECTS[1].diameter_angstrom} A."""

if __name__ == "__main__":
    main()
