"""What of a session that was kept can't be taken, in words: labels and verdicts are never that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari_deepem.core.wording import listed
from napari_deepem.session.parameters import Parameters

WORDS = {  # what a user knows fields of a session file by
    "display": "how micrographs are shown",
    "current": "which micrograph was open",
    "rounds": "the rounds of training",
    "candidates": "what was scored",
    "scored_files": "what was scored",
    "model": "the model",
    "own_thresholds": "thresholds of single micrographs",
    "formats": "the formats to save",
    "format_options": "options of formats",
}


def damage_text(damaged: Sequence[str]) -> str:
    """A line on fields of a session file that can't be read; empty where all can be."""
    if not damaged:
        return ""
    parts = listed(list(dict.fromkeys(map(words_for, damaged))))
    return (
        f"The session file is damaged in part: {parts} can't be read and is left out. "
        "Labels and verdicts are all there."
    )


def refusal_text(refused: Mapping[str, Any]) -> str:
    """A line on settings that were kept and are not possible here; empty where all are."""
    if not refused:
        return ""
    parts = [
        f"{words_for(name)} {value}" if isinstance(value, int | float | str) else words_for(name)
        for name, value in refused.items()
    ]
    are = "is" if len(parts) == 1 else "are"
    return (
        f"Of the settings that were kept, {listed(parts)} {are} not possible here, and as at first."
    )


def words_for(name: str) -> str:
    """What a user knows a field of a session file by."""
    info = Parameters.model_fields.get(name)
    return WORDS.get(name) or (info.title if info and info.title else name)
