"""Trials: a method learns from labels of a set's training micrographs and picks its test ones.

Each trial is measured once in a checkout and remembered in `build/benchmarks`, so that what was
interrupted goes on; it is measured anew when the machine or the sources have changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import sets

from napari_deepem import Picks, evaluate
from napari_deepem.core.evaluation.metrics import Evaluation, f_beta
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.types import FloatArray
from napari_deepem.io.atomic import replacing

ROOT = Path(__file__).resolve().parents[1]
MEMORY = ROOT / "build" / ("quick" if sets.QUICK else "benchmarks")
PROCESSES = 2  # of one thread each
CLICKS = 10  # at a time on one micrograph, as long as there are others
CURVE_POINTS = 60

Outcome = dict[str, Any]  # figures of one trial, as JSON holds them; see `judge`


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """What a method found on the test micrographs, one item each."""

    ranking: Sequence[Picks]  # every candidate with its score
    training_s: float | None = None  # of one core; None where nothing was trained
    chosen: Sequence[Picks] | None = None  # at a threshold that the method set by itself
    threshold: float | None = None
    commands: Sequence[str] = ()  # of the programs that were run


class Method(Protocol):
    """A frozen dataclass: its `repr` says everything that its results depend on."""

    sources: ClassVar[tuple[str, ...]]  # files and folders that they depend on too

    @property
    def name(self) -> str:
        """Its name in tables."""

    def pick(
        self,
        sample: sets.LabelledSet,
        clicked: Sequence[FloatArray],
        all_clicked: bool,
        seed: int,
    ) -> Found:
        """Learn from the (n, 2) clicks on each training micrograph, then pick the test ones."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One measurement."""

    on: str  # the set's name
    method: Method
    n_labels: int | None = None  # that many particles are clicked; None: all
    seed: int = 0  # of training, and of which particles are clicked


def run(trials: Iterable[Trial], memory: Path = MEMORY) -> dict[Trial, Outcome]:
    """Measure what is not remembered, two at a time, and say how it goes."""
    trials = [trial for trial in trials if sets.is_present(trial.on)]
    outcomes = {trial: remembered(trial, memory) for trial in trials}
    missing = [trial for trial, outcome in outcomes.items() if outcome is None]
    print(f"{len(outcomes)} trials, {len(missing)} to measure. {setting()}", flush=True)
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes when they start
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(measure, trial): trial for trial in missing}
        for done, future in enumerate(as_completed(running), start=1):
            trial, outcome = running[future], future.result()
            outcomes[trial] = remember(trial, outcome, memory)
            print(f"{done}/{len(missing)} {told(trial)}: AP {outcome['ap']:.3f}", flush=True)
    return outcomes


def measure(trial: Trial) -> Outcome:
    """Train, pick and judge."""
    sample = sets.load(trial.on)
    clicked = click([centres for _, centres in sample.training], trial.n_labels, trial.seed)
    return judge(sample, trial.method, clicked, trial.n_labels is None, trial.seed)


def judge(
    sample: sets.LabelledSet,
    method: Method,
    clicked: Sequence[FloatArray],
    all_clicked: bool,
    seed: int,
) -> Outcome:
    """The figures of a method that learns from these clicks, on the set's test micrographs.

    Average precision, the best F2 and the curves rank all candidates; precision, recall, F1 and
    `f2_chosen` are those at the threshold that the method set by itself.
    """
    truth = [centres for _, centres in sample.test]
    radius_px = SAME_PARTICLE_BOXES * sample.box_px
    found = method.pick(sample, clicked, all_clicked, seed)
    ranked = evaluate(found.ranking, truth, radius_px)
    outcome: Outcome = {
        "ap": ranked.ap,
        "max_recall": float(ranked.recalls[-1]) if ranked.recalls.size else 0.0,
        "f2": ranked.f2,
        "f2_threshold": ranked.f2_threshold,
        "training_s": found.training_s,
        "radius_px": radius_px,
        "curve": thinned(ranked),
        "commands": list(found.commands),
    }
    if found.chosen is not None:
        chosen = evaluate(found.chosen, truth, radius_px)
        outcome |= {"threshold": found.threshold, "precision": chosen.precision}
        outcome |= {"recall": chosen.recall, "f1": chosen.f1}
        outcome |= {"f2_chosen": float(f_beta(chosen.precision, chosen.recall, beta=2))}
    return outcome


def click(truth_yx: Sequence[FloatArray], n_labels: int | None, seed: int) -> list[FloatArray]:
    """Choose which particles of each micrograph are labelled: all, or only some of them.

    Ten on one random micrograph, ten on the next and so on; after the last, more on each. The
    labels of a smaller number are among those of a larger one.
    """
    if n_labels is None:
        return list(truth_yx)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(truth_yx))
    shuffled = [rng.permutation(centres) for centres in truth_yx]
    rounds = range(-(-max(map(len, truth_yx), default=0) // CLICKS))
    clicks = [
        (index, click)
        for k in rounds
        for index in order
        for click in shuffled[index][k * CLICKS : (k + 1) * CLICKS]
    ]
    return [
        np.array([click for index, click in clicks[:n_labels] if index == wanted]).reshape(-1, 2)
        for wanted in range(len(truth_yx))
    ]


def thinned(evaluation: Evaluation) -> dict[str, list[float]]:
    """The curves of an evaluation at so many points that a figure does not show the difference."""
    at = np.unique(np.linspace(0, len(evaluation.recalls) - 1, CURVE_POINTS).astype(int))
    columns = {
        "threshold": evaluation.thresholds,
        "recall": evaluation.recalls,
        "precision": evaluation.precisions,
        "f2": evaluation.f2s,
    }
    return {name: [float(f"{value:.4g}") for value in of[at]] for name, of in columns.items()}


def told(trial: Trial) -> str:
    """A trial in words."""
    labels = "all labels" if trial.n_labels is None else f"{trial.n_labels} labels"
    return f"{trial.method.name} on {trial.on}, {labels}, seed {trial.seed}"


def setting() -> str:
    """What all results depend on, for the reader."""
    return f"Machine: {machine()}, one thread each. Commit: {commit()}."


def remembered(trial: Trial, memory: Path = MEMORY) -> Outcome | None:
    """The outcome of a trial if it was measured here, with these sources."""
    outcome = _read(_file(trial, memory)).get(repr(trial))
    if outcome is None or (outcome["machine"], outcome["code"]) != _made_with(trial):
        return None
    return outcome


def remember(trial: Trial, outcome: Outcome, memory: Path = MEMORY) -> Outcome:
    """Write down an outcome and what it was made with; returns both."""
    made_on, code = _made_with(trial)
    known = _read(_file(trial, memory))
    known[repr(trial)] = outcome | {"machine": made_on, "commit": commit(), "code": code}
    with replacing(_file(trial, memory)) as temporary:
        temporary.write_text(as_json(known))
    return known[repr(trial)]


def as_json(outcomes: dict[str, Outcome]) -> str:
    """Outcomes by their trials in words, one line each."""
    lines = (f"{json.dumps(key)}: {json.dumps(outcomes[key])}" for key in sorted(outcomes))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _file(trial: Trial, memory: Path) -> Path:
    return memory / f"{trial.on.replace(' ', '_')}.json"


def _read(path: Path) -> dict[str, Outcome]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _made_with(trial: Trial) -> tuple[str, str]:
    judging = ("benchmarks/trials.py", "src/napari_deepem/core/evaluation/metrics.py")
    return machine(), digest((*trial.method.sources, *sets.sources(trial.on), *judging))


@lru_cache
def digest(sources: tuple[str, ...]) -> str:
    """Twelve digits that change with any of the files."""
    digest = hashlib.sha256()
    for source in sources:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache
def machine() -> str:
    """The processor's name and how many cores there are."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


@lru_cache
def commit() -> str:
    """The commit that is checked out, with a + where files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True
    )
    return told.stdout.strip() or "unknown"
