"""Variants of a training: what tuning may change, and when one is better than the default.

The paper leaves its hyper-parameters to the user. A variant says how far each of them is from
that of the recipe and of the box's own architecture, so that it means the same for any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.training.dataset import HELD_OUT_SHARE
from napari_deepem.core.training.settings import TrainingSettings

REPEATS_NEEDED = 3  # trainings of either side, below which nothing is called clear
CHANCE = 0.05  # of calling a variant better that is not


@dataclass(frozen=True, slots=True)
class Variant:
    """Hyper-parameters as multiples of the default's, which is the variant of all ones."""

    maps: float = 1.0  # how many, in every layer
    kernels: tuple[float, float, float] = (1.0, 1.0, 1.0)  # sides in C1, C3 and C5
    more_cells: tuple[int, int, int] = (0, 0, 0)  # px on top of the sides of S2, S4 and S6
    learning_rate: float = 1.0
    negatives: float = 1.0  # per positive

    def applied_to(self, settings: TrainingSettings) -> TrainingSettings:
        """The settings from chance with these hyper-parameters; their own for the default.

        Raises
        ------
        InputError
            If such cells do not fit the box.
        """
        settings = replace(settings, start="chance")
        if self == Variant():
            return settings
        recipe = settings.recipe
        architecture = self._architecture(settings.architecture)
        own_recipe = replace(
            recipe,
            name=f"{recipe.name}, tuned",
            maps=architecture.maps,
            learning_rate=self.learning_rate * recipe.learning_rate,
            negatives_per_positive=self.negatives * recipe.negatives_per_positive,
        )
        return replace(settings, own_recipe=own_recipe, own_architecture=architecture)

    def _architecture(self, default: Architecture) -> Architecture:
        """The variant's architecture: kernels keep their share of the maps, times its factors."""
        sides = (default.box_px, default.map_sizes[1], default.map_sizes[3])
        layers = zip(self.kernels, default.kernels, sides, strict=True)
        c1, c3, c5 = (factor * kernel / side for factor, kernel, side in layers)
        s2, s4, s6 = np.add(default.pools, self.more_cells).tolist()
        maps_1, maps_3, maps_5 = (max(1, round(self.maps * count)) for count in default.maps)
        fitting = Architecture.proportioned(default.box_px, (c1, c3, c5), (s2, s4, s6))
        return replace(fitting, maps=(maps_1, maps_3, maps_5), activation=default.activation)


@dataclass(frozen=True, slots=True)
class Gain:
    """The gain of a variant over the default, from trainings in pairs."""

    mean: float  # of the differences in average precision
    noise: float  # what such a mean may reach by chance if there is no difference
    repeats: int

    @classmethod
    def of(cls, aps: Sequence[float], default_aps: Sequence[float], rivals: int = 1) -> Gain:
        """The gain of (n,) average precisions over those of the default with the same seeds.

        The noise is that of a paired one-sided t test at 5 %, shared by all `rivals` that are
        tested. Repeats train on much the same micrographs, so their scatter is too small: its
        variance is taken (1 / n + held out / trained on) times instead of 1 / n times (Nadeau and
        Bengio, Machine Learning 52:239, 2003).
        """
        differences = np.subtract(aps, default_aps)
        repeats = len(differences)
        if repeats < 2:
            return cls(float(differences.mean()) if repeats else 0.0, float("inf"), repeats)
        overlap = HELD_OUT_SHARE / (1 - HELD_OUT_SHARE)
        error = float(differences.std(ddof=1)) * sqrt(1 / repeats + overlap)
        from scipy.stats import t as students_t  # loads slowly, and only a tuning needs it

        quantile = float(students_t.isf(CHANCE / rivals, repeats - 1))
        return cls(float(differences.mean()), quantile * error, repeats)

    @property
    def is_clear(self) -> bool:
        """Whether the variant is to be preferred."""
        return self.repeats >= REPEATS_NEEDED and self.mean > self.noise
