"""The space of variants that tuning searches, as Optuna sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_deepem.core.training.variants import Variant

MAPS = (0.5, 0.75, 1.0, 1.5, 2.0)
KERNELS = (0.6, 1.8)  # lowest and highest
KERNEL_LAYERS = ("C1 kernel", "C3 kernel", "C5 kernel")
MORE_CELLS = {
    "as ever": (0, 0, 0),
    "wider S2": (1, 0, 0),
    "wider S4": (0, 1, 0),
    "no S6": (0, 0, -1),
}
LEARNING_RATE = (0.25, 4.0)
NEGATIVES = (0.5, 4.0)
FIRST_GUESSES = (Variant(maps=1.5), Variant(negatives=2.0))  # before anything is drawn by chance


def distributions() -> dict[str, Any]:
    """The space, in Optuna's terms."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    kernel = FloatDistribution(*KERNELS, log=True)
    return {
        "maps": CategoricalDistribution(MAPS),
        **dict.fromkeys(KERNEL_LAYERS, kernel),
        "cells": CategoricalDistribution(tuple(MORE_CELLS)),
        "learning rate": FloatDistribution(*LEARNING_RATE, log=True),
        "negatives": FloatDistribution(*NEGATIVES, log=True),
    }


def is_in_space(variant: Variant) -> bool:
    """Whether a variant is one that can be tried."""
    factors = [(factor, KERNELS) for factor in variant.kernels]
    factors += [(variant.learning_rate, LEARNING_RATE), (variant.negatives, NEGATIVES)]
    return (
        variant.maps in MAPS
        and variant.more_cells in MORE_CELLS.values()
        and all(low <= factor <= high for factor, (low, high) in factors)
    )


def parameters_of(variant: Variant) -> dict[str, Any]:
    """A variant as a point of the space."""
    names = {cells: name for name, cells in MORE_CELLS.items()}
    return {
        "maps": variant.maps,
        **dict(zip(KERNEL_LAYERS, variant.kernels, strict=True)),
        "cells": names[variant.more_cells],
        "learning rate": variant.learning_rate,
        "negatives": variant.negatives,
    }


def variant_at(parameters: Mapping[str, Any]) -> Variant:
    """The variant at a point of the space: the inverse of `parameters_of`."""
    c1, c3, c5 = (parameters[layer] for layer in KERNEL_LAYERS)
    return Variant(
        maps=parameters["maps"],
        kernels=(c1, c3, c5),
        more_cells=MORE_CELLS[parameters["cells"]],
        learning_rate=parameters["learning rate"],
        negatives=parameters["negatives"],
    )
