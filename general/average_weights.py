"""The weights by which an average of picks tells the box: `python general/average_weights.py`.

A least-squares fit on made micrographs, whose box is known, with the general network that is
there. It prints them as `napari_deepem.core.picking.average_picks` holds them: where the network
changes, they are to be made anew and copied there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from micrographs import BOX_PX, MadeMicrograph, make_micrograph
from numpy.typing import NDArray

from napari_deepem import Micrograph
from napari_deepem.core.picking.average_picks import RINGS, average_profile, log_times_larger
from napari_deepem.core.picking.box_proposal import ranking_on

BOX_TO_DIAMETER = 1.3  # as users take it
TIMES_LARGER = 0.64, 0.8, 1.0, 1.25, 1.56  # than that box are those that are picked with
FEWEST = 4  # particles of a micrograph that is read
RIDGE = 0.1  # keeps weights small that little depends on
SEED = 77  # of other micrographs than the network was trained on


class Profile(NamedTuple):
    """The average of picks with a box that is known to be too large or too small."""

    rings: NDArray[np.float64]  # see `average_profile`
    log_times_larger: float  # the right box is
    told: float  # by the weights that are there


def profiles_on(made: MadeMicrograph) -> Iterator[Profile]:
    """The averages of the picks with each box on one micrograph, where there are any."""
    micrograph = Micrograph(made.prepared, name="made")
    for times_larger in TIMES_LARGER:
        box_px = round(times_larger * BOX_TO_DIAMETER * made.diameter_px)
        prepared, ranking = ranking_on(micrograph, box_px, "cpu")
        rings = average_profile(prepared, ranking.centres_yx, BOX_PX)
        if rings.any():
            right = BOX_TO_DIAMETER * made.diameter_px / box_px
            told = log_times_larger(prepared, ranking.centres_yx, BOX_PX)
            yield Profile(rings, float(np.log(right)), told)


def fitted(profiles: list[Profile]) -> tuple[NDArray[np.float64], float]:
    """(rings,) weights, and what is added to the sum: the least squares of what they tell."""
    rings = np.array([profile.rings for profile in profiles])
    known = np.array([profile.log_times_larger for profile in profiles])
    spread = rings - rings.mean(axis=0)
    inner = spread.T @ spread + RIDGE * np.eye(RINGS)
    weights = np.linalg.solve(inner, spread.T @ (known - known.mean()))
    return weights, float(known.mean() - rings.mean(axis=0) @ weights)


def main() -> None:
    """Make micrographs, pick on them with five boxes each, fit, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--micrographs", type=int, default=120)
    torch.set_num_threads(1)
    profiles: list[Profile] = []
    for number in range(parser.parse_args().micrographs):
        made = make_micrograph(np.random.default_rng([SEED, number]))
        if len(made.centres_yx) >= FEWEST:
            profiles += profiles_on(made)
    weights, smaller = fitted(profiles)
    print("WEIGHTS =", [round(float(weight), 2) for weight in weights])
    print("SMALLER =", round(smaller, 2))
    rings = np.array([profile.rings for profile in profiles])
    known = np.array([profile.log_times_larger for profile in profiles])
    told = np.array([profile.told for profile in profiles])
    for name, value in (("these", rings @ weights + smaller), ("those that are there", told)):
        print(f"{name}: off by {np.sqrt(np.mean((value - known) ** 2)):.3f}, {len(known)} averages")


if __name__ == "__main__":
    main()
