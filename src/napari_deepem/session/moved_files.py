"""Micrographs that are not where they were picked: looked for by name, near the run's folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from napari_deepem.io.images import split_frame

NEAR = 4  # folders, the run's and those above it, in which or below which is looked
TAIL = 3  # of a path: as many of its last folders may have kept their names


def find_moved(paths: Mapping[str, Path], folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The paths at which micrographs lie now, by name, and the names of those that are nowhere.

    `paths` are where they lay when a run picked them into `folder`: one that is nowhere keeps its
    path. A folder is listed once, no file is asked for by itself: there may be many thousands.
    """
    by_parent: dict[Path, list[str]] = defaultdict(list)
    for name, path in paths.items():
        by_parent[path.parent].append(name)
    listing = cache(_listing)
    now, missing = dict(paths), []
    for parent, names in by_parent.items():
        for place in (parent, *_places(parent, folder)):
            there = listing(place)
            present = {name for name in names if split_frame(paths[name])[0].name in there}
            now |= {name: place / paths[name].name for name in present}
            names = [name for name in names if name not in present]
            if not names:
                break
        missing += names
    return now, missing


def _places(parent: Path, folder: Path) -> Iterator[Path]:
    """The folders in which what lay in `parent` may be, the likeliest first."""
    for above in (folder, *folder.parents)[:NEAR]:
        for depth in range(min(TAIL, len(parent.parts) - 1), -1, -1):
            yield above.joinpath(*parent.parts[len(parent.parts) - depth :])


def _listing(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries)
    except OSError:
        return frozenset()
