"""What is looked at before coordinates are written: options, paths, what is needed or lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates.coordinate_format import Format, Kept, Need, Options
from napari_deepem.io.coordinates.formats import SUFFIXES
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks

_PLURALS: Mapping[Kept, str] = {
    "score": "scores", "angle": "angles", "class": "classes", "size": "sizes"
}  # fmt: skip
_NEEDS: Mapping[Need, str] = {
    "box": "the box size", "shape": "the size of the micrograph", "pixel size": "the pixel size"
}  # fmt: skip
HINTS: Mapping[Need, str] = dict.fromkeys(_NEEDS, "give it with the picks")  # to a programmer


def options_by_format(formats: Iterable[Format], options: Options) -> dict[str, dict[str, str]]:
    """The values of all options of each format, by its name: those given that it has, and defaults.

    Raises
    ------
    InputError
        None of the formats has an option, or one has no such choice.
    """
    formats = list(formats)
    names = {option.name for format in formats for option in format.options}
    for name in options:
        if name not in names:
            rest = f"they have {', '.join(sorted(names))}" if names else "they have none"
            chosen = ", ".join(format.name for format in formats)
            raise InputError(f"no format of {chosen} has an option {name!r}; {rest}")
    return {
        format.name: format.chosen(
            {o.name: options[o.name] for o in format.options if o.name in options}
        )
        for format in formats
    }


def targets_of(format: Format, path: Path, names: Sequence[str]) -> list[Path]:
    """The path of each micrograph's file, or of the one for all, that writing to `path` makes.

    `path` is a folder; where a single file is written, that file may be named.

    Raises
    ------
    InputError
        It names a file of another format, or a file where there is one a micrograph.
    """
    if path.is_dir() or not path.name.lower().endswith(SUFFIXES):
        if format.is_one_file:
            return [path / format.place]
        return [format.file_of(path, name) for name in names]
    if not format.suffix_of(path):
        endings = " or ".join(format.suffixes)
        raise InputError(f"{path}: a file of the format {format.name} ends in {endings}")
    if len(names) > 1 and not format.is_one_file:
        raise InputError(
            f"{path}: {format.name} has a file for each of {len(names)} micrographs; name a "
            "folder for them"
        )
    return [path]


def what_is_lost(formats: Iterable[Format], micrographs: Iterable[MicrographPicks]) -> str:
    """The sentence on what none of the formats holds of what is known; empty where all is held."""
    known: set[Kept] = set()
    for micrograph in micrographs:
        known |= {"score"} if micrograph.picks.scores is not None else set()
        known |= set(micrograph.picks.features)
    formats = list(formats)
    kept = frozenset().union(*(format.keeps for format in formats))
    lost = [plural for each, plural in _PLURALS.items() if each in known - kept]
    names = " and ".join(format.name for format in formats)
    return f"{' and '.join(lost)} are left out: {names} files hold none" if lost else ""


def what_is_missing(
    format: Format, micrographs: Iterable[MicrographPicks], hints: Mapping[Need, str]
) -> str:
    """The line on the first thing that a format needs and is not known; empty where all is known.

    `hints` say how each can be given.
    """
    for micrograph in micrographs:
        box_size_px = micrograph.picks.box_size_px
        known: Mapping[Need, object] = {
            "box": box_size_px if box_size_px is not None and box_size_px > 0 else None,
            "shape": micrograph.shape,
            "pixel size": micrograph.pixel_size,
        }
        for need in sorted(need for need in format.needs if known[need] is None):
            return (
                f"{micrograph.name}: {format.name} files need {_NEEDS[need]}, which is not known; "
                f"{hints[need]}"
            )
    return ""


def check_micrographs(
    micrographs: Iterable[MicrographPicks], format: Format, hints: Mapping[Need, str] = HINTS
) -> None:
    """Raise InputError unless all is known that a format needs, and every number is finite."""
    micrographs = list(micrographs)
    if missing := what_is_missing(format, micrographs, hints):
        raise InputError(missing)
    for micrograph in micrographs:
        for picks in (micrograph.picks, micrograph.below):
            if picks is not None and not _is_finite(picks):
                raise InputError(
                    f"{micrograph.name} can't be written: some positions or scores are not numbers"
                )


def _is_finite(picks: Picks) -> bool:
    scores = np.empty(0) if picks.scores is None else picks.scores  # NaN: there is none
    return bool(np.isfinite(picks.centres_yx).all() and not np.isinf(scores).any())
