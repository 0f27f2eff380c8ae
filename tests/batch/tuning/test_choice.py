from __future__ import annotations

import numpy as np
import pytest

from napari_deepem.batch.tuning.choice import choice_text, choose, rivals_of_default
from napari_deepem.batch.tuning.study import Repeat, Trial
from napari_deepem.core.training.variants import Variant

DEFAULT = Trial(0, Variant(), 0.80, 10.0)
WIDER = Trial(1, Variant(maps=2.0), 0.85, 20.0)
FASTER = Trial(2, Variant(learning_rate=2.0), 0.90, 10.0)
WORSE = Trial(3, Variant(maps=0.5), 0.75, 5.0)
STOPPED = Trial(4, Variant(maps=3.0), None, 2.0, "no time left for it")
TRIALS = [DEFAULT, WIDER, FASTER, WORSE, STOPPED]

Repeats = dict[tuple[int, int], Repeat]


def repeats_of(aps: dict[int, list[float]], unseen: float | None = None) -> Repeats:
    """Repeats by trial, with seeds from 1; and the default's own training."""
    repeats = {(0, 0): Repeat(0, 0, 0.80, unseen, 10.0)}
    for trial, found in aps.items():
        for seed, ap in enumerate(found, start=1):
            repeats[trial, seed] = Repeat(
                trial, seed, ap, None if unseen is None else ap - 0.1, 10.0
            )
    return repeats


def test_default_is_chosen_where_nothing_was_repeated() -> None:
    choice = choose([DEFAULT, WORSE], repeats_of({}))
    assert (choice.chosen, choice.rival, choice.gain, choice.untested) == (
        DEFAULT,
        None,
        None,
        None,
    )
    assert (choice.ap, choice.unseen_ap) == (0.80, None)
    assert choice_text(choice, [], 22.0) == (
        "the default stays: no trial did better\n"
        "average precision 0.8000 on held-out micrographs; matched within 22 px"
    )


def test_default_alone_is_chosen_for_want_of_time() -> None:
    said = choice_text(choose([DEFAULT, STOPPED], repeats_of({})), [], 22.0)
    assert said.startswith("the default stays: there was no time to try another\n")


def test_trial_that_did_better_once_is_not_chosen_but_named() -> None:
    choice = choose(TRIALS, repeats_of({0: [0.8, 0.8], 2: [0.9, 0.9]}))
    assert choice.chosen is DEFAULT
    assert choice.untested is FASTER
    assert "trial 2 did better once, but there was no time to repeat it often" in choice_text(
        choice, [], 1.0
    )


def test_clear_gain_is_chosen() -> None:
    repeats = repeats_of(
        {0: [0.80, 0.82, 0.81], 1: [0.85, 0.87, 0.861], 2: [0.80, 0.83, 0.82]}, 0.7
    )
    choice = choose(TRIALS, repeats)
    assert choice.chosen is WIDER
    assert choice.seeds == (1, 2, 3)
    assert choice.default_ap == pytest.approx(0.81)
    assert choice.ap == pytest.approx(0.81 + choice.gain.mean if choice.gain else 0)
    assert choice.default_unseen_ap == pytest.approx(0.71)
    said = choice_text(choice, ["m3", "m7"], 22.0)
    assert said.startswith("trial 1 is chosen: trial 1 gains +0.0503 in 3 pairs of trainings")
    assert "average precision 0.8603 (default 0.8100) on micrographs that it was chosen by" in said
    assert "0.7603 (default 0.7100) on m3, m7, which the search never saw" in said


def test_gain_within_the_noise_is_not_chosen() -> None:
    repeats = repeats_of({0: [0.80, 0.82, 0.81], 2: [0.90, 0.80, 0.82]})
    choice = choose(TRIALS, repeats)
    assert choice.chosen is DEFAULT
    assert choice.rival is FASTER
    assert choice.ap == choice.default_ap == pytest.approx(0.81)
    assert "the default stays: trial 2 gains +0.0300 in 3 pairs" in choice_text(choice, [], 22.0)


def test_only_trainings_with_the_same_seed_are_compared() -> None:
    repeats = repeats_of({0: [0.80, 0.80, 0.80], 1: [0.81, 0.81, 0.81, 0.20]})
    choice = choose(TRIALS, repeats)
    assert choice.chosen is WIDER
    assert choice.ap == pytest.approx(0.81)


def test_rivals_are_the_best_of_the_search_first_without_those_that_are_refuted() -> None:
    assert rivals_of_default(TRIALS, repeats_of({})) == [FASTER, WIDER]
    repeats = repeats_of({0: [0.80, 0.80, 0.80], 2: [0.80, 0.80, 0.80]})
    assert rivals_of_default(TRIALS, repeats) == [WIDER]
    twice = repeats_of({0: [0.80, 0.80, 0.80], 2: [0.10, 0.10]})
    assert rivals_of_default(TRIALS, twice) == [FASTER, WIDER]


def test_trial_as_good_as_the_default_is_no_rival() -> None:
    assert rivals_of_default([DEFAULT, Trial(1, Variant(maps=2.0), 0.80, 10.0)], {}) == []


@pytest.mark.parametrize("repeats", [3, 4, 8])
def test_luck_alone_beats_the_default_in_less_than_one_of_twenty_tunings(repeats: int) -> None:
    rng = np.random.default_rng(0)
    chosen = []
    for _ in range(400):
        aps = {trial: list(rng.normal(0.8, 0.02, repeats)) for trial in range(3)}
        chosen.append(choose(TRIALS, repeats_of(aps)).chosen.number)
    assert sum(number > 0 for number in chosen) <= 400 / 20
