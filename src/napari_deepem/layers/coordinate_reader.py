"""The reader of coordinate files that are dropped on napari: Points that lie on their micrograph.

They are the user's own points, with scores and whatever else is known of them as features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import napari
from napari.layers import Image
from napari.utils.notifications import show_error, show_info

from napari_deepem.core.errors import InputError
from napari_deepem.core.wording import counted
from napari_deepem.io.coordinates import Source, is_coordinate_file, match_names, open_source
from napari_deepem.io.images import list_micrographs, read_pixel_size
from napari_deepem.layers.coordinate_points import LayerData, open_images, points_layer_of
from napari_deepem.layers.micrographs import placement, placement_of

MOST_LAYERS = 10  # of a file none of whose micrographs is open; many slow napari down

Reader = Callable[[str | Sequence[str]], list[LayerData]]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """`read_points` for coordinate files, told by their content; None for all else (npe2)."""
    paths = [path] if isinstance(path, str) else list(path)
    return read_points if all(is_coordinate_file(Path(each)) for each in paths) else None


def read_points(path: str | Sequence[str]) -> list[LayerData]:
    """The Points layers of files; of a file that can't be read one line is shown instead."""
    layers: list[LayerData] = []
    for file in [path] if isinstance(path, str) else path:
        try:
            layers += _layers_of(open_source(Path(file)), open_images(napari.current_viewer()))
        except InputError as error:
            show_error(str(error))
    return layers or [(None,)]  # (None,): read, but there is no layer to add


def _layers_of(source: Source, images: Mapping[str, Image]) -> list[LayerData]:
    """A layer for each micrograph that is open; if none is, for the first of them all."""
    names, file_name = source.names, source.path.name
    for remark in source.remarks:
        show_info(f"{file_name}: {remark}")
    matched = match_names(images, names)
    shown = {there: name for name, there in matched.items()} or {
        name: name for name in names[:MOST_LAYERS]
    }
    if more := len(names) - len(shown):
        which = "that are open" if matched else "that come first"
        show_info(
            f"{file_name}: shows the picks of those of {counted(len(names), 'micrograph')} "
            f"{which}, not of {more} others"
        )
    layers = []
    for number, (there, name) in enumerate(shown.items()):
        layers.append(
            points_layer_of(
                source.picks_of(there),
                file_name if len(names) == 1 else f"{name}{source.path.suffix}",
                name,
                visible=images[name].visible if matched else number == 0,
                **_placement(name, source.path.parent, images),
            )
        )
    return layers


def _placement(name: str, folder: Path, images: Mapping[str, Image]) -> dict[str, Any]:
    """The place of a micrograph in the world: as its layer, as its file, else as the only image."""
    if name in images:
        return placement_of(images[name])
    file = _file_beside(name, folder)
    if file is not None:
        return placement(read_pixel_size(file))
    if len(images) == 1:
        return placement_of(next(iter(images.values())))
    return placement(None)


def _file_beside(name: str, folder: Path) -> Path | None:
    """The file of a micrograph in a folder or the one above; None where there is no such file."""
    for each in (folder, folder.absolute().parent):
        try:
            files = list_micrographs(each)
            matched = match_names([name], files)
        except InputError:  # there are none, or it can't be told which
            continue
        if matched:
            return files[matched[name]]
    return None
