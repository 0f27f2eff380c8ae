"""The starts of a training: the general network, chance, or a model that has learnt already.

A model says in its summary what its training started from. One that was trained on from another
model also keeps how the first of them was trained, so that it can be trained anew like that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.general import (
    GENERAL_RECIPE,
    general_architecture,
    general_model,
    general_sampling,
)
from napari_deepem.core.network.model import Model
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import recipes
from napari_deepem.core.training.recipes import MODERN, RECIPES, Recipe, continued

FirstStart = Literal["general", "chance"]
Start = FirstStart | Model
WORDS = {"general": "the general network", "chance": "chance", "model": "another model"}


@dataclass(frozen=True, eq=False, slots=True)
class FirstTraining:
    """The training that a model began with, however often it was trained on since."""

    start: FirstStart
    recipe: Recipe
    epochs: int | None  # None: the recipe's own number

    @classmethod
    def of(cls, model: Model) -> FirstTraining:
        """The first training of a model; by its recipe's name as far as older ones do not say."""
        if model.recipe == GENERAL_RECIPE:
            return cls("general", recipes.FROM_GENERAL, None)
        first = model.summary.get("first", model.summary)
        base, names = RECIPES.get(model.recipe, MODERN), {item.name for item in fields(Recipe)}
        stored: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in first.get("recipe", {}).items()
            if name in names
        }
        epochs = first["epochs"] if "epochs" in first else _planned_epochs(model.summary) or None
        return cls(first.get("start", "chance"), replace(base, **stored), epochs)

    def as_summary(self) -> dict[str, Any]:
        """The entries of a summary from which `of` reads it again."""
        return {"start": self.start, "recipe": recipe_entries(self.recipe), "epochs": self.epochs}


def _planned_epochs(summary: Mapping[str, Any]) -> int:
    """The epochs that a model's training was to have; 0 if unknown."""
    planned = summary.get("stopped", {}).get("epochs", len(summary.get("curve", ())))
    return int(summary.get("refined", {}).get("epochs_anew", planned))  # which older models tell


def recipe_entries(recipe: Recipe) -> dict[str, Any]:
    """A recipe as a summary holds it; JSON values."""
    entries: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))  # tuples become lists
    return entries


def start_entries(start: Start) -> dict[str, Any]:
    """What a summary tells of the start: its name, and of a model how that began."""
    first = {"first": FirstTraining.of(start).as_summary()} if isinstance(start, Model) else {}
    return {"start": name_of(start), **first}


def name_of(start: Start) -> Literal["general", "chance", "model"]:
    """The word for a start that a summary holds."""
    return "model" if isinstance(start, Model) else start


def started_from(summary: Mapping[str, Any]) -> str:
    """The words for what a model with that summary started from; empty if it does not say."""
    return WORDS[summary["start"]] if "start" in summary else ""


def training_on(model: Model) -> tuple[Recipe, int | None]:
    """The recipe and the number of epochs, None: the recipe's, by which a model is trained on.

    What was trained from chance has learnt the most of it by then. What started from the general
    network was trained for a short time, and learns as much again.
    """
    first = FirstTraining.of(model)
    if first.start == "general":
        return first.recipe, first.epochs
    epochs = first.epochs or first.recipe.epochs
    return continued(replace(first.recipe, epochs=epochs)), None


def sampling_of_start(start: Start, box_size_px: int) -> Sampling | None:
    """The sampling at which a box of so many original pixels is the start's; None of chance."""
    if isinstance(start, Model):
        same = box_size_px == start.box_size_px
        return start.sampling if same else Sampling(box_size_px / start.box_px)
    return general_sampling(box_size_px) if start == "general" else None


def architecture_of_start(start: Start) -> Architecture | None:
    """The architecture that a start has; None of chance, which may have any."""
    if isinstance(start, Model):
        return start.network.architecture
    return general_architecture() if start == "general" else None


def model_of_start(start: Start, box_size_px: int) -> Model | None:
    """The model that a training starts from; None of chance."""
    if isinstance(start, Model):
        return start
    return general_model(box_size_px) if start == "general" else None
