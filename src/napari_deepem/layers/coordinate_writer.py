"""The writers of Points layers as coordinate files, for File > Save Selected Layers.

There is one a format, `write_<name of the format>`: npe2 asks for a function each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.utils.notifications import show_info

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray, PickFeature, Picks
from napari_deepem.core.wording import counted
from napari_deepem.io.coordinates import (
    FORMATS,
    Format,
    MicrographPicks,
    Need,
    format_called,
    what_is_lost,
    what_is_missing,
    write_coordinate_set,
)
from napari_deepem.io.images.file_names import plain_name
from napari_deepem.layers.coordinate_reader import NO_BOX, open_images
from napari_deepem.layers.micrographs import file_of, pixel_size_of
from napari_deepem.layers.tags import KEY

PREFIX = "write_"
FEATURES: tuple[PickFeature, ...] = ("angle", "class", "size")
HINTS: Mapping[Need, str] = {
    "box": "give all points one size",
    "shape": "open the micrograph",
    "pixel size": "open the micrograph",
}

Writer = Callable[[str, Any, Mapping[str, Any]], list[str]]


def __getattr__(name: str) -> Writer:
    format = name.removeprefix(PREFIX)
    if name.startswith(PREFIX) and format in [each.name for each in FORMATS]:
        return partial(write_points, format)
    raise AttributeError(f"there is no {name}")


def write_points(
    format: str, path: str, centres_yx: FloatArray, attributes: Mapping[str, Any]
) -> list[str]:
    """The paths of the file that a Points layer was written to, in original pixels.

    Parameters
    ----------
    format
        The name of the format.
    path
        The file; the format's suffix is added if it has none of them.
    centres_yx
        (n, 2) the layer's own data, which count pixels of its micrograph whatever its scale.
    attributes
        All else of the layer.

    Raises
    ------
    OSError
        The layer has other axes, the format needs what is not known, or the file can't be written.
    """
    try:
        return _write(format_called(format), Path(path), centres_yx, attributes)
    except InputError as error:
        # napari 0.9.2 takes a ValueError for a plugin that does not write such files
        raise OSError(str(error)) from error


def _write(
    format: Format, path: Path, centres_yx: FloatArray, attributes: Mapping[str, Any]
) -> list[str]:
    if centres_yx.ndim != 2 or centres_yx.shape[1] != 2:
        raise InputError(
            f"cannot write {path}: its points have {centres_yx.shape[-1]} axes; "
            "points on one micrograph have 2"
        )
    if not format.suffix_of(path):
        path = path.with_name(path.name + format.suffixes[0])
    micrograph = _micrograph_picks(centres_yx, attributes)
    if "score" in format.keeps and (by_hand := _count_unknown(attributes["features"])):
        points = counted(by_hand, "point")
        show_info(f"{points} without a score: written with the best score of the others")
    if missing := what_is_missing(format, [micrograph], HINTS):
        raise InputError(missing)
    written = write_coordinate_set(path, [micrograph], format.name)
    if lost := what_is_lost([format], [micrograph]):
        show_info(lost)
    return [str(each) for each in written]


def _micrograph_picks(centres_yx: FloatArray, attributes: Mapping[str, Any]) -> MicrographPicks:
    """The points as picks of the micrograph that they belong to, or else of the only one open."""
    ours = attributes["metadata"].get(KEY, {})
    images = open_images(napari.current_viewer())
    only = next(iter(images)) if len(images) == 1 else plain_name(attributes["name"])
    name = ours.get("micrograph") or only
    picks = Picks(
        np.asarray(centres_yx, dtype=np.float64),
        _scores_of(attributes["features"]),
        _box_size_of(attributes["size"], ours),
        _features_of(attributes["features"]),
    )
    if name not in images:
        return MicrographPicks(name, picks)
    image = images[name]
    file = file_of(image)
    return MicrographPicks(
        name,
        picks,
        path=None if file is None else str(file),
        shape=image.data.shape,
        pixel_size=pixel_size_of(image),
    )


def _box_size_of(sizes: Any, ours: Mapping[str, Any]) -> int | None:
    """The size that all points have, whole pixels; None where they have none, or several."""
    different = np.unique(np.asarray(sizes))
    if len(different) != 1 or different[0] == ours.get(NO_BOX):
        return None
    return max(1, round(float(different[0])))


def _scores_of(features: Any) -> FloatArray | None:
    """(n,) scores; points that were added by hand have the best of the others."""
    scores = _numbers(features, "score")
    if scores is None or np.isnan(scores).all():
        return None
    return np.where(np.isnan(scores), np.nanmax(scores), scores)


def _count_unknown(features: Any) -> int:
    """The number of points without a score, where others have one."""
    scores = _numbers(features, "score")
    unknown = 0 if scores is None else int(np.isnan(scores).sum())
    return 0 if scores is None or unknown == len(scores) else unknown


def _features_of(features: Any) -> dict[PickFeature, FloatArray]:
    columns = {name: _numbers(features, name) for name in FEATURES}
    return {name: column for name, column in columns.items() if column is not None}


def _numbers(features: Any, name: str) -> FloatArray | None:
    """(n,) a column of features as numbers, NaN where there is none; None: no such column."""
    if name not in features:
        return None
    try:
        return np.asarray(features[name].to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise InputError(f"the feature {name} holds what is no number: remove it") from error
