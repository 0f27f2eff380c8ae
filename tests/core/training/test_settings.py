from __future__ import annotations

import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train


@pytest.mark.parametrize(
    ("box", "options", "message"),
    [
        (11, {}, "box of 11 px.*at least 12"),
        (23, {"start": "chance"}, "box of 23 px after binning.*24 to 512"),
        (2817, {}, "the general network takes 12 to 2,816 px"),
        (0, {}, "box of 0 px"),
        (-40, {}, "box of -40 px"),
        (10**9, {}, "box of 1000000000 px"),
        (48, {"binning": 0}, "binning of 0"),
        (48, {"binning": -2}, "binning of -2"),
        (48, {"binning": 65}, "binning of 65"),
        (48, {"binning": 3}, "box of 16 px after binning"),
        (600, {"binning": 1}, "box of 600 px after binning.*24 to 512"),
        (48, {"recipe": "best"}, "no recipe is called 'best'.*modern, wide, deepem2017"),
        (48, {"epochs": 0}, "0 epochs"),
        (48, {"epochs": -3}, "-3 epochs"),
        (48, {"seed": -1}, "a seed of -1"),
        (48, {"seed": 2**63}, "a seed of 9223372036854775808"),
        (48, {"epochs": 10_001}, "train for 1 to 10000"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused_before_anything_else(
    box: int, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train([], [], box, **options)  # type: ignore[arg-type]  # each of its own type


def test_automatic_binning_keeps_the_network_box_between_40_and_80_px() -> None:
    chosen = [
        TrainingSettings(box, start="chance").chosen_sampling.scale
        for box in (24, 79, 80, 88, 120, 272)
    ]
    assert chosen == [1, 1, 2, 2, 3, 6]
    for box in range(40, 40 * 64, 7):
        settings = TrainingSettings(box, start="chance")
        given = TrainingSettings(box, settings.chosen_sampling)  # as good as if it were
        assert given.architecture == settings.architecture
        assert 40 <= settings.network_box_px < 80


def test_automatic_binning_goes_no_further_than_binning_does() -> None:
    for box in (64 * 41, 64 * 100, 64 * 512):
        assert TrainingSettings(box, start="chance").chosen_sampling.scale == 64


def test_recipe_decides_on_epochs_and_activation_where_nothing_is_said() -> None:
    assert TrainingSettings(88).chosen_epochs == TrainingSettings(88).recipe.epochs
    assert TrainingSettings(88, epochs=3).chosen_epochs == 3
    assert TrainingSettings(88).architecture.activation == "relu"
    assert TrainingSettings(88, recipe_name="deepem2017").architecture.activation == "sigmoid"
