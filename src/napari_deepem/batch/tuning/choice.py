"""The choice among a study's variants: the default, unless another one is clearly better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from napari_deepem.batch.tuning.study import Repeat, Trial
from napari_deepem.core.training.variants import REPEATS_NEEDED, Gain

Repeats = Mapping[tuple[int, int], Repeat]  # by trial and seed


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


def choose(trials: Sequence[Trial], repeats: Repeats) -> Choice:
    """The choice of the trial with the largest clear gain over trial 0, the default; else of that.

    Trial 0 must be finished, and trained once or more in `repeats`.
    """
    repeated = [
        trial for trial in trials[1:] if len(common_seeds(trial, repeats)) >= REPEATS_NEEDED
    ]
    gains = {trial: gain_of(trial, repeats, rivals=len(repeated)) for trial in repeated}
    rival = max(
        repeated, key=lambda trial: (gains[trial].is_clear, gains[trial].mean), default=None
    )
    chosen = rival if rival is not None and gains[rival].is_clear else trials[0]
    seeds = common_seeds(chosen if rival is None else rival, repeats)
    ap, unseen_ap = _means(chosen, seeds, repeats)
    default_ap, default_unseen_ap = _means(trials[0], seeds, repeats)
    return Choice(
        chosen=chosen,
        n_finished=sum(trial.ap is not None for trial in trials[1:]),
        rival=rival,
        untested=next(iter(rivals_of_default(trials, repeats)), None) if rival is None else None,
        gain=None if rival is None else gains[rival],
        seeds=seeds,
        ap=ap,
        default_ap=default_ap,
        unseen_ap=unseen_ap,
        default_unseen_ap=default_unseen_ap,
    )


def choice_text(choice: Choice, unseen: Sequence[str], radius_px: float) -> str:
    """The choice, the reason for it, and how good it is, in two lines."""
    if choice.chosen.number:
        decision = f"trial {choice.chosen.number} is chosen: {_reason(choice)}"
        quality = _versus(choice.ap, choice.default_ap) + " on micrographs that it was chosen by"
    else:
        decision = f"the default stays: {_reason(choice)}"
        quality = f"average precision {choice.ap:.4f} on held-out micrographs"
    if choice.unseen_ap is not None and choice.default_unseen_ap is not None:
        unseen_aps = f"{choice.unseen_ap:.4f}"
        if choice.chosen.number:
            unseen_aps = _versus(choice.unseen_ap, choice.default_unseen_ap)
        quality += f"; {unseen_aps} on {', '.join(unseen)}, which the search never saw"
    elif choice.chosen.number:
        quality += "; expect less on others, since too few were given to keep some from the search"
    return f"{decision}\n{quality}; matched within {radius_px:g} px"


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
    """The choice as a model's file tells it; JSON values."""
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


def rivals_of_default(trials: Sequence[Trial], repeats: Repeats) -> list[Trial]:
    """Trials that did better than the default in the search and not worse when repeated."""

    def is_refuted(trial: Trial) -> bool:
        gain = gain_of(trial, repeats)
        return gain.repeats >= REPEATS_NEEDED and gain.mean <= 0

    default_ap = trials[0].ap or 0.0
    better = [trial for trial in trials[1:] if trial.ap is not None and trial.ap > default_ap]
    ranked = sorted(better, key=lambda trial: (-(trial.ap or 0.0), trial.number))
    return [trial for trial in ranked if not is_refuted(trial)]


def gain_of(trial: Trial, repeats: Repeats, rivals: int = 1) -> Gain:
    """A trial's gain over the default, in the trainings that both had."""
    seeds = common_seeds(trial, repeats)
    aps = [repeats[trial.number, seed].ap for seed in seeds]
    return Gain.of(aps, [repeats[0, seed].ap for seed in seeds], rivals)


def common_seeds(trial: Trial, repeats: Repeats) -> tuple[int, ...]:
    """Seeds with which both the trial and the default were trained."""
    return tuple(
        seed for number, seed in sorted(repeats) if number == trial.number and (0, seed) in repeats
    )


def _means(trial: Trial, seeds: Sequence[int], repeats: Repeats) -> tuple[float, float | None]:
    own = [repeats[trial.number, seed] for seed in seeds]
    unseen_aps = [repeat.unseen_ap for repeat in own if repeat.unseen_ap is not None]
    return mean(repeat.ap for repeat in own), mean(unseen_aps) if unseen_aps else None
