"""The recipe `modern`, from chance and from the general network, made short."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from napari_deepem.core.training import recipes


def shorten_recipes(patch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Give both these values, as long as the patch is on."""
    modern = replace(recipes.MODERN, **changes)
    patch.setitem(recipes.RECIPES, "modern", modern)
    patch.setattr(recipes, "FROM_GENERAL", replace(recipes.FROM_GENERAL, **changes))
