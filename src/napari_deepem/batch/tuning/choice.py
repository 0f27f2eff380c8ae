"""Which of a study's variants to take: the default, unless another one is clearly better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from napari_deepem.batch.tuning.study import Run, Trial
from napari_deepem.core.training.variants import REPEATS_NEEDED, Gain

Runs = Mapping[tuple[int, int], Run]  # by trial and seed


@dataclass(frozen=True, slots=True)
class Choice:
    """The trial to take, and its figures and the default's in the same trainings."""

    chosen: Trial
    n_finished: int  # trials of the search, without the default
    rival: Trial | None  # the best that was trained again beside the default; None without any
    untested: Trial | None  # the best of the search, if there was no time to train it again
    gain: Gain | None  # of the rival
    seeds: tuple[int, ...]  # of the trainings that the figures are means of
    ap: float  # average precision of the chosen one on micrographs that it was chosen by
    default_ap: float
    unseen_ap: float | None  # on micrographs that the search never saw; None without such
    default_unseen_ap: float | None


def choose(trials: Sequence[Trial], runs: Runs) -> Choice:
    """Take the trial with the largest clear gain over trial 0, the default, or else that.

    Trial 0 must be finished, and trained once or more in `runs`.
    """
    repeated = [trial for trial in trials[1:] if len(common_seeds(trial, runs)) >= REPEATS_NEEDED]
    gains = {trial: gain_of(trial, runs, rivals=len(repeated)) for trial in repeated}
    rival = max(
        repeated, key=lambda trial: (gains[trial].is_clear, gains[trial].mean), default=None
    )
    chosen = rival if rival is not None and gains[rival].is_clear else trials[0]
    seeds = common_seeds(chosen if rival is None else rival, runs)
    ap, unseen_ap = _means(chosen, seeds, runs)
    default_ap, default_unseen_ap = _means(trials[0], seeds, runs)
    return Choice(
        chosen=chosen,
        n_finished=sum(trial.ap is not None for trial in trials[1:]),
        rival=rival,
        untested=next(iter(rivals_of_default(trials, runs)), None) if rival is None else None,
        gain=None if rival is None else gains[rival],
        seeds=seeds,
        ap=ap,
        default_ap=default_ap,
        unseen_ap=unseen_ap,
        default_unseen_ap=default_unseen_ap,
    )


def verdict(choice: Choice, unseen: Sequence[str], radius_px: float) -> str:
    """What is chosen, why, and how good it is, in two lines."""
    if choice.chosen.number:
        what = f"trial {choice.chosen.number} is chosen: {_reason(choice)}"
        how_good = _versus(choice.ap, choice.default_ap) + " on micrographs that it was chosen by"
    else:
        what = f"the default stays: {_reason(choice)}"
        how_good = f"average precision {choice.ap:.4f} on held-out micrographs"
    if choice.unseen_ap is not None and choice.default_unseen_ap is not None:
        found = f"{choice.unseen_ap:.4f}"
        if choice.chosen.number:
            found = _versus(choice.unseen_ap, choice.default_unseen_ap)
        how_good += f"; {found} on {', '.join(unseen)}, which the search never saw"
    elif choice.chosen.number:
        how_good += "; expect less on others, since too few were given to keep some from the search"
    return f"{what}\n{how_good}; matched within {radius_px:g} px"


def _reason(choice: Choice) -> str:
    if choice.rival is not None and choice.gain is not None:
        return (
            f"trial {choice.rival.number} gains {choice.gain.mean:+.4f} in {choice.gain.repeats} "
            f"pairs of trainings, of which {choice.gain.noise:.4f} may be chance"
        )
    if choice.untested is not None:
        number = choice.untested.number
        return f"trial {number} did better once, but there was no time to repeat it often enough"
    return "no trial did better" if choice.n_finished else "there was no time to try another"


def _versus(ap: float, default_ap: float) -> str:
    return f"average precision {ap:.4f} (default {default_ap:.4f})"


def choice_figures(choice: Choice, unseen: Sequence[str]) -> dict[str, Any]:
    """What a model's file says of the choice; JSON values."""
    return {
        "trial": choice.chosen.number,
        "rival": None if choice.rival is None else choice.rival.number,
        "gain": None if choice.gain is None else asdict(choice.gain),
        "seeds": list(choice.seeds),
        "selected_on_ap": choice.ap,
        "default_ap": choice.default_ap,
        "unseen": list(unseen),
        "unseen_ap": choice.unseen_ap,
        "default_unseen_ap": choice.default_unseen_ap,
    }


def rivals_of_default(trials: Sequence[Trial], runs: Runs) -> list[Trial]:
    """Trials that did better than the default in the search and not worse when repeated."""

    def is_refuted(trial: Trial) -> bool:
        gain = gain_of(trial, runs)
        return gain.repeats >= REPEATS_NEEDED and gain.mean <= 0

    default_ap = trials[0].ap or 0.0
    better = [trial for trial in trials[1:] if trial.ap is not None and trial.ap > default_ap]
    ranked = sorted(better, key=lambda trial: (-(trial.ap or 0.0), trial.number))
    return [trial for trial in ranked if not is_refuted(trial)]


def gain_of(trial: Trial, runs: Runs, rivals: int = 1) -> Gain:
    """A trial's gain over the default, in the trainings that both had."""
    seeds = common_seeds(trial, runs)
    aps = [runs[trial.number, seed].ap for seed in seeds]
    return Gain.of(aps, [runs[0, seed].ap for seed in seeds], rivals)


def common_seeds(trial: Trial, runs: Runs) -> tuple[int, ...]:
    """Seeds with which both the trial and the default were trained."""
    return tuple(
        seed for number, seed in sorted(runs) if number == trial.number and (0, seed) in runs
    )


def _means(trial: Trial, seeds: Sequence[int], runs: Runs) -> tuple[float, float | None]:
    found = [runs[trial.number, seed] for seed in seeds]
    unseen = [run.unseen_ap for run in found if run.unseen_ap is not None]
    return mean(run.ap for run in found), mean(unseen) if unseen else None
