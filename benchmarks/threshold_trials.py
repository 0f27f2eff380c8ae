"""What thresholds are compared on: every candidate of networks on micrographs unlike their own.

A network is trained on some micrographs of a set and scores others, which differ from these in one
thing: how many particles, how much signal, dirt, ice. Which of its candidates are right is kept,
so that any threshold can be tried on them; `thresholds.py` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
import ours
import sets
from trials import Outcome, Trial, remember, remembered

from napari_deepem import Labels, Micrograph, PickCriteria, find_candidates, read_micrograph, score
from napari_deepem.batch.simulate import Particle, load_particle
from napari_deepem.core.evaluation.metrics import match
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.score_evidence import mixture_in
from napari_deepem.core.picking.score_mixture import ScoreMixture, logits_of, mixture_of, rows_of
from napari_deepem.core.simulation import SimulationSettings, simulate_set
from napari_deepem.core.types import FloatArray

NOTHING, EMPTY = "nothing", "no particle"
N_TRAINED, N_USUAL, N_EACH = (2, 1, 1) if sets.QUICK else (6, 2, 2)  # micrographs
SIMULATED = {  # what is not in `sets.DEVELOPMENT`, with the same dirt and ice as there
    "KLH": SimulationSettings(
        particles=60, snr=0.015, contamination=1.0, carbon=0.5, ice_gradient=0.05
    ),
    "70S": SimulationSettings(
        particles=60, snr=0.015, contamination=1.0, carbon=0.5, ice_gradient=0.05
    ),
}


@dataclass(frozen=True, slots=True)
class EveryCandidate:
    """What is measured, as `trials.Trial` has methods."""

    sources: ClassVar = (*ours.FromGeneral.sources, "benchmarks/threshold_trials.py")
    name: ClassVar = "every candidate"


@dataclass(frozen=True, eq=False, slots=True)
class Ranked:
    """All candidates of a micrograph, best first, and which of them are right."""

    scores: FloatArray  # (n,) falling
    is_hit: FloatArray  # (n,) 1 or 0
    n_truth: int

    @property
    def logits(self) -> FloatArray:
        """(n,) logits of the scores."""
        return logits_of(self.scores)

    def counts_above(self, threshold: float) -> tuple[int, int, int]:
        """Right picks, picks, particles."""
        n_picks = int((self.scores >= threshold).sum())
        return int(self.is_hit[:n_picks].sum()), n_picks, self.n_truth


@dataclass(frozen=True, eq=False, slots=True)
class Looks:
    """What a network makes of micrographs."""

    on: str
    threshold: float  # that training set
    mixture: ScoreMixture | None  # that it learnt
    usual: Sequence[Ranked]  # like those of the training
    unlike: dict[str, Sequence[Ranked]]  # by what differs


def conditions(known: SimulationSettings) -> dict[str, SimulationSettings]:
    """What differs from the micrographs of the training."""
    return {
        NOTHING: known,
        "a quarter of the particles": replace(known, particles=known.particles // 4),
        "a tenth of them": replace(known, particles=known.particles // 10),
        "half as many again": replace(known, particles=known.particles * 3 // 2),
        "half of the signal": replace(known, snr=known.snr / 2),
        "twice the signal": replace(known, snr=known.snr * 2),
        "four times the dirt": replace(known, contamination=4 * known.contamination),
        "an ice gradient of 15 %, carbon": replace(known, ice_gradient=0.15, carbon=1.0),
    }


def looked_at(trials: Sequence[Trial]) -> Iterator[Looks]:
    """The looks of networks, measured where they are not remembered."""
    for number, trial in enumerate(trials, start=1):
        outcome = remembered(trial) or remember(trial, look(trial))
        print(f"{number}/{len(trials)} {trial.on}, {trial.n_labels}, {trial.seed}", flush=True)
        mixture = outcome["mixture"]
        yield Looks(
            trial.on,
            outcome["threshold"],
            None if mixture is None else mixture_of(mixture),
            _unpacked(outcome["usual"]),
            {name: _unpacked(each) for name, each in outcome["unlike"].items()},
        )


def look(trial: Trial) -> Outcome:
    """Train a network and look at everything with it; `trial.n_labels` are those of each."""
    real = trial.on in sets.REAL or trial.on.startswith("bgal")
    box_px, trained, usual, unlike = (_real if real else _simulated)(trial)
    rng = np.random.default_rng(trial.seed)
    labels = [Labels.of(rng.permutation(truth_yx)[: trial.n_labels]) for _, truth_yx in trained]
    settings = ours.from_general(box_px, trial.n_labels is None and not real, trial.seed)
    model, _ = ours.trained(trained, labels, settings)
    mixture = mixture_in(model.summary)
    return {
        "threshold": model.threshold,
        "mixture": None if mixture is None else rows_of([mixture])[0].tolist(),
        "usual": _packed(usual, model),
        "unlike": {name: _packed(each, model) for name, each in unlike.items()},
    }


Some = Sequence[sets.Labelled]
LookedAt = tuple[int, Some, Some, dict[str, Some]]  # box, trained on, like that, unlike it
Packed = tuple[list[float], list[int], int]  # a `Ranked` as JSON has it


def _simulated(trial: Trial) -> LookedAt:
    particle, settings = _particle_of(trial.on)
    known = replace(
        settings,
        optics=replace(settings.optics, pixel_size=particle.pixel_size),
        box_size_px=settings.box_size_px or particle.box_size_px,
        seed=1000 * trial.seed,
    )

    def some(like: SimulationSettings, count: int, k: int) -> Some:
        made = simulate_set(particle.projector, replace(like, count=count, seed=known.seed + k))
        return [(each.micrograph, each.truth_yx) for each in made]

    unlike = {
        name: some(like, N_EACH, 2 + k) for k, (name, like) in enumerate(conditions(known).items())
    }
    assert known.box_size_px is not None
    return known.box_size_px, some(known, N_TRAINED, 0), some(known, N_USUAL, 1), unlike


@lru_cache
def _particle_of(name: str) -> tuple[Particle, SimulationSettings]:
    if name in sets.DEVELOPMENT:
        made_of = sets.DEVELOPMENT[name]
        path = sets.MAPS / f"{made_of.map}.mrc"
        return load_particle(path, pixel_size=made_of.pixel_size), made_of.settings
    if name == "70S":
        particle = load_particle(sets.RIBOSOME, sets.VOXEL_SIZE, sets.PIXEL_SIZE[name])
    else:
        particle = load_particle(pixel_size=sets.PIXEL_SIZE[name])
    return particle, SIMULATED[name]


def _real(trial: Trial) -> LookedAt:
    labelled = sets.load(trial.on)
    paths = sorted((sets.DATA / "negatives").glob("*.mrc"))
    empty: list[Micrograph] = [read_micrograph(path) for path in paths]
    unlike = {NOTHING: labelled.test, EMPTY: [(each, np.empty((0, 2))) for each in empty]}
    return labelled.box_px, labelled.training, labelled.training[:N_USUAL], unlike


def _packed(labelled: Some, model: Model) -> list[Packed]:
    every = PickCriteria.of_model(model).of_ranking
    radius_px = SAME_PARTICLE_BOXES * model.box_size_px
    packed = []
    for micrograph, truth_yx in labelled:
        ranking = every.picks_of(find_candidates(score(micrograph, model)))
        assert ranking.scores is not None
        is_hit = match(ranking.centres_yx, truth_yx, radius_px, ranking.scores)
        packed.append((ranking.scores.tolist(), is_hit.astype(int).tolist(), len(truth_yx)))
    return packed


def _unpacked(packed: Sequence[Packed]) -> list[Ranked]:
    return [
        Ranked(np.array(scores), np.array(is_hit, dtype=np.float64), n_truth)
        for scores, is_hit, n_truth in packed
    ]
