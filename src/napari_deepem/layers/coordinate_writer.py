"""The writers of Points layers as coordinate files, for File > Save Selected Layers.

There is one a format, `write_<name of the format>`: npe2 asks for a function each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import napari
from napari.utils.notifications import show_info

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray
from napari_deepem.core.wording import counted
from napari_deepem.io.coordinates import (
    FORMATS,
    Format,
    Need,
    format_called,
    what_is_lost,
    write_coordinate_set,
)
from napari_deepem.layers.coordinate_points import count_unknown, micrograph_picks

PREFIX = "write_"
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
    micrograph = micrograph_picks(centres_yx, attributes, napari.current_viewer())
    if "score" in format.keeps and (by_hand := count_unknown(attributes["features"])):
        points = counted(by_hand, "point")
        show_info(f"{points} without a score: the file says that there is none")
    written = write_coordinate_set(path, [micrograph], format.name, hints=HINTS)
    if lost := what_is_lost([format], [micrograph]):
        show_info(lost)
    return [str(each) for each in written]
