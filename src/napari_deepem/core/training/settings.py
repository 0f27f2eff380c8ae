"""The settings of a training: what a user decides about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import LARGEST_BOX_PX, SMALLEST_BOX_PX, Architecture
from napari_deepem.core.network.devices import DeviceName
from napari_deepem.core.preprocessing.sampling import MAX_BINNING, Sampling
from napari_deepem.core.training.recipes import Recipe, recipe_named

MOST_EPOCHS, LARGEST_SEED = 10_000, 2**63 - 1  # that a model's file holds
AUTO_BOX_PX = 40  # the network's box that automatic binning does not go below


def automatic_sampling(box_size_px: int) -> Sampling:
    """The sampling by the largest binning that leaves 40 px or more of a box."""
    return Sampling(min(max(1, box_size_px // AUTO_BOX_PX), MAX_BINNING))


def sampling_of(binning: int | Literal["auto"]) -> Sampling | None:
    """The sampling by a user's binning; None for "auto". InputError for one that can't be used."""
    return None if binning == "auto" else Sampling.binned(binning)


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The parameters of `train`, which describes them; InputError if they can't be used."""

    box_size_px: int
    sampling: Sampling | None = None  # None: the binning that leaves 40 px or more of a box
    recipe_name: str = "modern"
    epochs: int | None = None  # None: the recipe's own number
    seed: int = 0
    labels_complete: bool = True
    device: DeviceName = "auto"  # what trains; auto: a GPU where there is one
    own_recipe: Recipe | None = None  # instead of the one named; for experiments and `tune`
    own_architecture: Architecture | None = None  # instead of the box's

    def __post_init__(self) -> None:
        if not SMALLEST_BOX_PX <= self.box_size_px <= LARGEST_BOX_PX * MAX_BINNING:
            raise InputError(
                f"a box of {self.box_size_px} px: give the side of a box around one particle, "
                f"in pixels of the original file, at least {SMALLEST_BOX_PX}"
            )
        if self.epochs is not None and not 1 <= self.epochs <= MOST_EPOCHS:
            raise InputError(f"{self.epochs} epochs: train for 1 to {MOST_EPOCHS}")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InputError(f"a seed of {self.seed}: give a whole number, 0 to {LARGEST_SEED}")
        recipe_named(self.recipe_name)
        Architecture.for_box(self.network_box_px)  # says which boxes the network takes

    @property
    def recipe(self) -> Recipe:
        """The recipe of that name, or the one given instead."""
        return self.own_recipe or recipe_named(self.recipe_name)

    @property
    def chosen_epochs(self) -> int:
        """The number of epochs that are trained."""
        return self.recipe.epochs if self.epochs is None else self.epochs

    @property
    def chosen_sampling(self) -> Sampling:
        """The sampling: the one given, or the automatic one."""
        return self.sampling or automatic_sampling(self.box_size_px)

    @property
    def network_box_px(self) -> int:
        """Side of the network's box: the particle box in network pixels."""
        return self.chosen_sampling.box_px(self.box_size_px)

    @property
    def architecture(self) -> Architecture:
        """The network's hyper-parameters: Table 1's for its boxes, see `Architecture.for_box`."""
        if self.own_architecture is not None:
            return self.own_architecture
        by_box = Architecture.for_box(self.network_box_px)
        return replace(by_box, maps=self.recipe.maps, activation=self.recipe.activation)
