"""Recipes of training: the paper's way, and the way one would today."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import Activation


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way of training, by what distinguishes it from others; lengths are in boxes."""

    name: str
    activation: Activation
    maps: tuple[int, int, int]  # of C1, C3 and C5; Table 1 has 6, 12, 12
    batch_norm: bool  # while training; folded into the weights afterwards
    epochs: int
    batches_per_epoch: int | None  # None: an epoch is one pass over a fixed set of examples
    batch_size: int
    learning_rate: float
    background_distance: float  # random negatives keep this far from every labelled particle
    jitter: float  # positives are shown up to this far off centre
    contrast_jitter: float  # standard deviation of the random gain and offset of each example
    label_smoothing: float  # targets are this far from 1 and 0
    negatives_per_positive: float = 1.0  # the paper has as many of both
    smoothings: tuple[float, ...] = (0.0,)  # boxes; the best on held-out labels is used
    all_orientations: bool = True  # boxes are shown in a random one of their eight orientations
    average_keeps: float = 0.99  # of the running average of weights, a batch; 0: none is taken
    # with fewer labelled particles an epoch has that share of its batches, and the first
    # convolutions, so many, keep the weights that training starts from
    few: int = 0
    share_of_few: float = 1.0
    frozen_of_few: int = 0


DEEPEM2017 = Recipe(  # eqs 4-5; mini-batches of 50 as in the toolbox behind the paper
    name="deepem2017",
    activation="sigmoid",
    maps=(6, 12, 12),
    batch_norm=False,
    epochs=100,  # with few labels it sits on a plateau for dozens
    batches_per_epoch=None,
    batch_size=50,
    learning_rate=1.0,
    background_distance=0.5,
    jitter=0.0,
    contrast_jitter=0.0,
    label_smoothing=0.0,
)
MODERN = Recipe(
    name="modern",
    activation="relu",
    maps=(12, 24, 24),
    batch_norm=True,
    epochs=40,
    batches_per_epoch=50,
    batch_size=64,
    learning_rate=3e-3,
    background_distance=0.3,
    jitter=0.03,
    contrast_jitter=0.1,
    label_smoothing=0.05,  # clicks err; and scores spread out, which thresholds need
    smoothings=(0.0, 0.04, 0.06, 0.08, 0.1, 0.14),
)
WIDE = replace(MODERN, name="wide", maps=(16, 32, 32))
FROM_GENERAL = replace(  # the recipe modern where the general network is trained on
    MODERN,
    batch_norm=False,  # the general network's is folded away for good; maps are its own, too
    epochs=12,
    batches_per_epoch=50,
    batch_size=32,
    learning_rate=1e-3,
    jitter=0.06,
    few=200,  # which are taught as well in half of the time
    share_of_few=0.6,
    frozen_of_few=1,
)
RECIPES = {recipe.name: recipe for recipe in (MODERN, WIDE, DEEPEM2017)}
CONTINUED_SHARE = 0.2  # of the epochs, where a network is trained on that was trained from chance
CONTINUED_RATE = 0.3  # of the learning rate there; the paper's steps are as long as ever


def continued(recipe: Recipe) -> Recipe:
    """The recipe for training on what it trained from chance: fewer epochs teach what is new."""
    rate = CONTINUED_RATE if recipe.batches_per_epoch is not None else 1.0
    return replace(
        recipe,
        epochs=ceil(CONTINUED_SHARE * recipe.epochs),
        learning_rate=rate * recipe.learning_rate,
    )


def recipe_named(name: str) -> Recipe:
    """The recipe of that name; InputError if there is none."""
    if name not in RECIPES:
        raise InputError(f"no recipe is called {name!r}: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
