from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.variants import Gain, Variant

SETTINGS = TrainingSettings(88, start="chance")  # binned twice to 44 px


def test_default_variant_changes_nothing() -> None:
    assert Variant().applied_to(SETTINGS) == SETTINGS


def test_variants_are_tried_from_chance() -> None:
    tried = Variant(negatives=2.0).applied_to(TrainingSettings(88))
    assert tried.chosen_start == "chance"
    assert tried.recipe.batch_size == SETTINGS.recipe.batch_size


@pytest.mark.parametrize("recipe", ["modern", "deepem2017"])
def test_architecture_of_any_box_stays_where_only_the_learning_changes(recipe: str) -> None:
    for box in range(24, 513):
        settings = TrainingSettings(box, Sampling(1), recipe_name=recipe)
        changed = Variant(learning_rate=2.0, negatives=0.5).applied_to(settings)
        assert changed.architecture == settings.architecture


def test_hyper_parameters_are_multiples_of_the_defaults() -> None:
    variant = Variant(
        maps=1.5,
        kernels=(2.0, 1.0, 1.0),
        more_cells=(1, 0, -1),
        learning_rate=0.5,
        negatives=3.0,
    )
    changed, default = variant.applied_to(SETTINGS), SETTINGS.recipe
    assert changed.recipe.name == "modern, tuned"
    assert changed.recipe.learning_rate == 0.5 * default.learning_rate
    assert changed.recipe.negatives_per_positive == 3.0 * default.negatives_per_positive
    assert changed.architecture.maps == tuple(round(1.5 * n) for n in default.maps)
    assert changed.recipe.maps == changed.architecture.maps
    assert changed.architecture.activation == default.activation
    was = SETTINGS.architecture
    assert changed.architecture.pools == (was.pools[0] + 1, was.pools[1], was.pools[2] - 1)
    assert abs(changed.architecture.kernels[0] - 2 * was.kernels[0]) <= was.pools[0]
    untouched = {"name": "", "learning_rate": 0, "negatives_per_positive": 0, "maps": (0, 0, 0)}
    assert replace(changed.recipe, **untouched) == replace(default, **untouched)
    kept = {"own_recipe": None, "own_architecture": None}
    assert replace(changed, **kept) == SETTINGS


def test_kernels_of_boxes_that_are_used_follow_their_factors() -> None:
    for box, factors in product(range(40, 80), product((0.6, 1.0, 1.8), repeat=3)):
        settings = TrainingSettings(box, Sampling(1))
        default = settings.architecture
        changed = Variant(kernels=factors).applied_to(settings).architecture
        wanted = factors[0] * default.kernels[0]
        assert abs(changed.kernels[0] - wanted) <= 1  # the nearest that cells of 2 px allow
        assert changed.map_sizes[-1] >= 1


def test_no_map_and_no_kernel_vanishes() -> None:
    tiny = Variant(maps=0.01, kernels=(0.01, 0.01, 0.01)).applied_to(TrainingSettings(24))
    assert tiny.architecture.maps == (1, 1, 1)
    assert min(tiny.architecture.kernels) >= 2


def test_cells_that_do_not_fit_the_box_are_refused() -> None:
    with pytest.raises(InputError, match="cells of 9 px do not fit"):
        Variant(more_cells=(0, 0, 7)).applied_to(TrainingSettings(24))


def test_gain_is_clear_if_it_exceeds_what_a_corrected_paired_t_test_leaves_to_chance() -> None:
    # differences 0.01, 0.02, 0.03: standard deviation 0.01; t of 95 % with 2 degrees is 2.920
    gain = Gain.of([0.81, 0.92, 0.73], [0.80, 0.90, 0.70])
    assert gain.mean == pytest.approx(0.02)
    assert gain.noise == pytest.approx(2.919986 * 0.01 * np.sqrt(1 / 3 + 0.25 / 0.75))
    assert not gain.is_clear
    assert Gain.of([0.89, 0.99, 0.79], [0.80, 0.90, 0.71]).is_clear


def test_more_rivals_need_a_larger_gain() -> None:
    aps, default_aps = [0.81, 0.92, 0.73], [0.80, 0.90, 0.70]
    assert Gain.of(aps, default_aps, rivals=2).noise > Gain.of(aps, default_aps).noise


@pytest.mark.parametrize("repeats", [0, 1, 2])
def test_few_repeats_are_never_clear(repeats: int) -> None:
    assert not Gain.of([0.9] * repeats, [0.1] * repeats).is_clear


def test_equal_precisions_are_no_gain() -> None:
    assert not Gain.of([0.9] * 5, [0.9] * 5).is_clear
