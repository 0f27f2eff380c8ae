"""The settings of a training: what a user decides about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import LARGEST_BOX_PX, Architecture
from napari_deepem.core.network.devices import DeviceName
from napari_deepem.core.network.general import BOX_RANGE_PX
from napari_deepem.core.network.model import Model
from napari_deepem.core.preprocessing.sampling import MAX_BINNING, Sampling
from napari_deepem.core.training import recipes
from napari_deepem.core.training.recipes import Recipe, recipe_named
from napari_deepem.core.training.starts import (
    WORDS,
    Start,
    architecture_of_start,
    model_of_start,
    name_of,
    sampling_of_start,
    training_on,
)

MOST_EPOCHS, LARGEST_SEED = 10_000, 2**63 - 1  # that a model's file holds
AUTO_BOX_PX = 40  # the network's box that automatic binning does not go below
LEAST_BOX_SIZE_PX = BOX_RANGE_PX[0]  # of a particle: what is smaller shows nothing of its shape


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
    sampling: Sampling | None = None  # None: the start's, or binning that leaves 40 px of a box
    recipe_name: str = "modern"
    epochs: int | None = None  # None: the recipe's own number
    seed: int = 0
    labels_complete: bool = True
    device: DeviceName = "auto"  # what trains; auto: a GPU where there is one
    own_recipe: Recipe | None = None  # instead of the one named; for experiments and `tune`
    own_architecture: Architecture | None = None  # instead of the box's
    # None: the general network, unless recipe, sampling or architecture are others than it has
    start: Start | None = None

    def __post_init__(self) -> None:
        if not LEAST_BOX_SIZE_PX <= self.box_size_px <= LARGEST_BOX_PX * MAX_BINNING:
            raise InputError(
                f"a box of {self.box_size_px} px: give the side of a box around one particle, "
                f"in pixels of the original file, at least {LEAST_BOX_SIZE_PX}"
            )
        if self.epochs is not None and not 1 <= self.epochs <= MOST_EPOCHS:
            raise InputError(f"{self.epochs} epochs: train for 1 to {MOST_EPOCHS}")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InputError(f"a seed of {self.seed}: give a whole number, 0 to {LARGEST_SEED}")
        recipe_named(self.recipe_name)
        started = architecture_of_start(self.chosen_start)
        if started is None:
            Architecture.for_box(self.network_box_px)  # says which boxes the network takes
        else:
            self._check_start(started)

    def _check_start(self, started: Architecture) -> None:
        """InputError unless recipe, architecture and sampling are those of what is trained on."""
        start, what = self.chosen_start, WORDS[name_of(self.chosen_start)]
        own_name = start.recipe if isinstance(start, Model) else "modern"
        if self.own_recipe is None and self.recipe_name not in ("modern", own_name):
            raise InputError(
                f"the recipe {self.recipe_name} does not train {what} on: choose modern, or start "
                "from chance"
            )
        if self.own_architecture not in (None, started):
            raise InputError(f"{what} has an architecture of its own: start others from chance")
        if self.network_box_px != started.box_px:
            raise InputError(
                f"a box of {self.box_size_px} px, binned by {self.chosen_sampling.scale:.4g}, "
                f"leaves {self.network_box_px} px, and {what} takes {started.box_px} px: leave the "
                "binning to it, or start from chance"
            )

    @property
    def chosen_start(self) -> Start:
        """The start: the one given, or the general network where nothing speaks against it."""
        if self.start is not None:
            return self.start
        is_plain = self.recipe_name == "modern" and self.sampling is None
        has_own = self.own_recipe is not None or self.own_architecture is not None
        return "general" if is_plain and not has_own else "chance"

    @property
    def start_model(self) -> Model | None:
        """The model whose weights are trained on; None: weights are drawn by chance."""
        return model_of_start(self.chosen_start, self.box_size_px)

    @property
    def recipe(self) -> Recipe:
        """The recipe of that name for that start, or the one given instead."""
        if self.own_recipe is not None:
            return self.own_recipe
        start = self.chosen_start
        if isinstance(start, Model):
            return training_on(start)[0]
        return recipes.FROM_GENERAL if start == "general" else recipe_named(self.recipe_name)

    @property
    def chosen_epochs(self) -> int:
        """The number of epochs that are trained."""
        if self.epochs is not None:
            return self.epochs
        start = self.chosen_start
        as_before = training_on(start)[1] if isinstance(start, Model) else None
        return as_before or self.recipe.epochs

    @property
    def chosen_sampling(self) -> Sampling:
        """The sampling: the one given, that of the start, or the automatic one."""
        return (
            self.sampling
            or sampling_of_start(self.chosen_start, self.box_size_px)
            or automatic_sampling(self.box_size_px)
        )

    @property
    def network_box_px(self) -> int:
        """Side of the network's box: the particle box in network pixels."""
        return self.chosen_sampling.box_px(self.box_size_px)

    @property
    def architecture(self) -> Architecture:
        """The network's hyper-parameters: the start's, else Table 1's, see `Architecture`."""
        own = self.own_architecture or architecture_of_start(self.chosen_start)
        if own is not None:
            return own
        by_box = Architecture.for_box(self.network_box_px)
        return replace(by_box, maps=self.recipe.maps, activation=self.recipe.activation)
