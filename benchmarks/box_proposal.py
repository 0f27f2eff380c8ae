"""How near the proposed box is to the one that users take, without a click.

    python benchmarks/box_proposal.py [--micrographs 3] [--development] [--curves] [--only WORD ...]

Real sets of `shared/data` where they are present, and simulated ones: the embedded particle, and
those of the maps in `shared/data/maps`, each at a pixel size and a signal-to-noise ratio of its
own. A user's box of a simulated particle is 1.3 times its diameter. The figures that the package's
module of this name holds were chosen on others, which `--development` shows: those of `sets.py`
(three of its molecules are here too, at other pixel sizes and less noise), and maps that are not
looked at here. Prints
a Markdown table, one row a set: the boxes that are proposed from single micrographs, how far off
the first is at the median and at worst, how far off the best of the three, and what all micrographs
together propose. With `--curves` the strengths by size, too. Takes about 2 s of one core a
micrograph.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from time import process_time

import numpy as np
import sets
from sets import DATA, VOXEL_SIZE

from napari_deepem import Micrograph, read_micrograph, simulate_sample
from napari_deepem.batch.simulate import load_particle
from napari_deepem.core.jobs import finish
from napari_deepem.core.picking.box_proposal import (
    BoxProposal,
    StrengthCurve,
    proposal_of,
    trying_box_sizes,
)
from napari_deepem.core.simulation import (
    SAMPLE_BOX_PX,
    SimulationSettings,
    simulate_set,
)
from napari_deepem.io.images import find_micrographs

REAL = {"apoferritin": 88, "bgal": 36, "klh": 200, "ribosome": 140}  # px, users' boxes
MAPS = {  # file, voxel size where the header holds none, A/px of the micrographs, signal to noise
    "70S ribosome": ("ribosome_70s_65.mrc", VOXEL_SIZE, 4.0, 0.05),
    "20S proteasome": ("general/proteasome_20s_3j9i.mrc", None, 5.0, 0.1),
    "26S proteasome": ("general/proteasome_26s_4cr2.mrc", None, 4.0, 0.05),
    "Hsp90": ("general/hsp90_2cg9.mrc", None, 3.0, 0.1),
    "p97": ("general/p97_3cf3.mrc", None, 4.0, 0.05),
    "rubisco": ("general/rubisco_1bxn.mrc", None, 3.0, 0.1),
    "thyroglobulin": ("general/thyroglobulin_7n4y.mrc", None, 2.5, 0.2),
    "virus-like particle": ("general/virus_like_particle_8tux.mrc", None, 5.0, 0.05),
}
DEVELOPMENT_MAPS = {  # the same, of maps whose header holds the voxel size
    "AMPA receptor": ("ampa_5ide", 2.25, 0.05),
    "ATP synthase": ("atp_synthase_6rd4", 2.1, 0.03),
    "calcium channel": ("calcium_channel_5gjv", 5.15, 0.1),
    "CAND1-CUL1": ("cand1_cul1_1u6g", 3.5, 0.1),
    "channel 5tj6": ("channel_5tj6", 5.0, 0.1),
    "channel 5tqq": ("channel_5tqq", 2.45, 0.1),
    "fatty acid synthase": ("fatty_acid_synthase_2uv8", 5.45, 0.03),
    "NMDA receptor": ("nmda_receptor_4pe5", 2.75, 0.1),
    "proteasome activator 3ipm": ("proteasome_activator_3ipm", 7.95, 0.08),
    "proteasome activator 6utj": ("proteasome_activator_6utj", 3.2, 0.05),
    "receptor 5vai": ("receptor_5vai", 6.85, 0.2),
    "receptor 5wek": ("receptor_5wek", 4.25, 0.2),
    "Sse1-Hsp70": ("sse1_hsp70_3d2f", 5.15, 0.15),
}
BOX_TO_DIAMETER = 1.3  # as users take it
SIMULATED = SimulationSettings(shape=(1280, 1280), particles=60, ice_gradient=0.05, overlaps=0.1)


@dataclass(frozen=True, eq=False, slots=True)
class BoxedSet:
    """Micrographs, and the box that a user takes for their particles."""

    name: str
    box_px: int
    micrographs: Sequence[Micrograph]


@dataclass(frozen=True, eq=False, slots=True)
class Result:
    """What was proposed for one set."""

    known: BoxedSet
    curves: list[StrengthCurve]
    seconds: float  # of processor time, a micrograph

    @property
    def proposals(self) -> list[BoxProposal]:
        """Those of single micrographs."""
        return [proposal_of([curve]) for curve in self.curves]

    @property
    def errors(self) -> list[float]:
        """How far off the first box is, for each micrograph, as a share of the user's."""
        return [self.error_of(proposal.box_size_px) for proposal in self.proposals]

    def error_of(self, box_px: int) -> float:
        """How far off a box is."""
        return box_px / self.known.box_px - 1


def known_sets(count: int) -> Iterator[BoxedSet]:
    """The sets that are here, each with at most so many micrographs."""
    for name, box_px in REAL.items():
        if (DATA / name).is_dir():
            paths = find_micrographs([DATA / name])[:count]
            yield BoxedSet(name, box_px, [read_micrograph(path) for path in paths])
    sample = [simulated.micrograph for simulated in simulate_sample(count)]
    yield BoxedSet("embedded sample", SAMPLE_BOX_PX, sample)
    for name, (file, *conditions) in MAPS.items():
        if (DATA / "maps" / file).is_file():
            yield simulated_set(name, DATA / "maps" / file, *conditions, count)


def development_sets(count: int) -> Iterator[BoxedSet]:
    """Those that the figures of the proposal were chosen on, each with so many micrographs."""
    for name in filter(sets.is_present, sets.DEVELOPMENT):
        known = sets.load(name)
        micrographs = [micrograph for micrograph, _ in known.training[:count]]
        yield BoxedSet(name, 2 * round(BOX_TO_DIAMETER * known.diameter_px / 2), micrographs)
    for name, (code, *conditions) in DEVELOPMENT_MAPS.items():
        path = sets.MAPS / f"{code}.mrc"
        if path.is_file():
            yield simulated_set(name, path, None, *conditions, count)


def simulated_set(
    name: str, path: Path, voxel_size: float | None, pixel_size: float, snr: float, count: int
) -> BoxedSet:
    """Micrographs of a map at a pixel size and a signal-to-noise ratio."""
    particle = load_particle(path, voxel_size, pixel_size)
    optics = replace(SIMULATED.optics, pixel_size=particle.pixel_size)
    settings = replace(SIMULATED, optics=optics, snr=snr, count=count)
    made = islice(simulate_set(particle.projector, settings), count)
    title = f"{name}, {pixel_size:g} A/px, SNR {snr:g}"
    box_px = 2 * round(BOX_TO_DIAMETER * particle.projector.diameter_px / 2)
    return BoxedSet(title, box_px, [each.micrograph for each in made])


def result_of(known: BoxedSet) -> Result:
    """What is proposed for a set."""
    started = process_time()
    curves = [finish(trying_box_sizes(micrograph)) for micrograph in known.micrographs]
    return Result(known, curves, (process_time() - started) / len(curves))


def print_row(result: Result, *, with_curves: bool) -> None:
    """One row of the table, and with curves a line for each micrograph."""
    errors = np.abs(result.errors)
    together = proposal_of(result.curves).box_size_px
    of_three = [
        min(abs(result.error_of(choice.box_size_px)) for choice in proposal.choices)
        for proposal in result.proposals
    ]
    boxes = ", ".join(str(proposal.box_size_px) for proposal in result.proposals)
    print(
        f"| {result.known.name} | {result.known.box_px} | {boxes} | {np.median(errors):.0%} | "
        f"{errors.max():.0%} | {max(of_three):.0%} | {together} | "
        f"{result.error_of(together):+.0%} | {result.seconds:.1f} |",
        flush=True,
    )
    if with_curves:
        for curve in result.curves:
            shares = {size / result.known.box_px: s for size, s in curve.strengths.items()}
            print("  ", " ".join(f"{share:.2f}:{s:.1f}" for share, s in sorted(shares.items())))


def main() -> None:
    """Parse the command line, propose, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micrographs", type=int, default=3, help="of each set, at most")
    parser.add_argument(
        "--development", action="store_true", help="the sets that figures were chosen on"
    )
    parser.add_argument("--curves", action="store_true", help="print the strengths by size")
    parser.add_argument("--only", nargs="*", help="sets whose names hold one of these words")
    arguments = parser.parse_args()
    print(
        "| set | box | proposed | median error | worst | best of three, worst | "
        "together | error | s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    results = []
    chosen = development_sets if arguments.development else known_sets
    for known in chosen(arguments.micrographs):
        if arguments.only and not any(word in known.name for word in arguments.only):
            continue
        results.append(result_of(known))
        print_row(results[-1], with_curves=arguments.curves)
    together = [abs(r.error_of(proposal_of(r.curves).box_size_px)) for r in results]
    single = np.abs([error for result in results for error in result.errors])
    print(
        f"\nerror of single micrographs: median {np.median(single):.0%}, worst {single.max():.0%}"
    )
    print(f"of sets: median {np.median(together):.0%}, worst {max(together):.0%}")


if __name__ == "__main__":
    main()
