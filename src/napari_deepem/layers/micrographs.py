"""Image layers as micrographs."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from napari.layers.utils.layer_utils import calc_data_range
from numpy.typing import NDArray
from pint import DimensionalityError

from napari_deepem.core.types import Micrograph
from napari_deepem.io.images.file_names import plain_name
from napari_deepem.layers.tags import micrograph_name_of, role_of, tag, tag_of
from napari_deepem.layers.visibility import set_visible


def is_micrograph(layer: Layer) -> bool:
    """Whether a layer is a single 2-D grey image that is not one of our score maps."""
    return (
        isinstance(layer, Image)
        and layer.ndim == 2
        and not layer.rgb
        and not layer.multiscale
        and role_of(layer) in (None, "micrograph")
    )


def enrol(layer: Image, taken: Container[str]) -> Micrograph:
    """The micrograph that an image layer shows; the layer is tagged as one.

    The name is the file's, which picks are saved under; renaming the layer later does not change
    it. A second file of the same name goes by its layer's name, which napari keeps unique. A layer
    may have any name; what is made of it is plain.
    """
    name = plain_name(micrograph_name_of(layer) or layer.name)
    if name in taken:
        name = plain_name(layer.name)
    layer.metadata.update(tag("micrograph", name, **_more(layer)))
    remark = tag_of(layer).get("remark", "")
    return Micrograph(np.asarray(layer.data), name, pixel_size_of(layer), file_of(layer), remark)


def _more(layer: Layer) -> dict[str, Any]:
    return {k: v for k, v in tag_of(layer).items() if k not in ("role", "micrograph")}


def pixel_size_of(layer: Layer) -> float | None:
    """A/px of a layer; None where its scale is not a length, or differs by axis."""
    height, width = layer.scale[-2:]
    if height != width:
        return None
    try:
        return float((width * layer.units[-1]).to("angstrom").magnitude)
    except DimensionalityError:
        return None


def file_of(layer: Layer) -> Path | None:
    """The file that a layer, or the one it is a duplicate of, was opened from; None for no file."""
    parent = layer.source.parent and layer.source.parent()
    if parent is not None:
        return file_of(parent)
    if source := tag_of(layer).get("source"):
        return Path(source)
    return Path(layer.source.path) if layer.source.path else None


def name_in(layer: Layer, files: Mapping[str, Path]) -> str | None:
    """The name that a layer's file has in a series; None if it is not of the series."""
    file = file_of(layer)
    if file is None:
        return None
    if files.get(micrograph_name_of(layer) or "") == file:
        return micrograph_name_of(layer)
    return next((name for name, path in files.items() if path == file), None)


def folder_of(layer: Layer) -> Path | None:
    """The folder that a layer's file lies in; None for a layer that is no file."""
    file = file_of(layer)
    return None if file is None else file.parent


def twin_of(layer: Layer, layers: Iterable[Layer]) -> Layer | None:
    """The one of `layers` that shows the same file, or that this is a duplicate of; else None."""
    parent = layer.source.parent and layer.source.parent()
    file = file_of(layer)
    for other in layers:
        if other is parent or (file is not None and file_of(other) == file):
            return other
    return None


def why_not_enrol(layer: Layer) -> str:
    """The reason why an image can't be a micrograph; empty if it can."""
    file = file_of(layer)
    by_another_reader = role_of(layer) is None
    if file is not None and file.suffix.lower() in (".tif", ".tiff") and by_another_reader:
        return (
            f"{file.name} is no micrograph as another reader shows it: programs of the field count "
            "the rows of a TIFF from the bottom, so picks would be mirrored. Open its folder in "
            "the Micrographs dock, or drop it with Alt held and choose napari-deepem."
        )
    return ""


def placement(pixel_size: float | None) -> dict[str, Any]:
    """The place in the world of a micrograph with this pixel size, as a layer's arguments."""
    if pixel_size is None:
        return {"scale": (1.0, 1.0)}
    return {"scale": (pixel_size, pixel_size), "units": ("angstrom", "angstrom")}


def lay_out(layer: Layer, pixel_size: float | None) -> None:
    """Give a layer the place in the world of a micrograph with this pixel size."""
    layer.units = ("pixel", "pixel")
    for key, value in placement(pixel_size).items():
        setattr(layer, key, value)
    layer.translate = (0.0, 0.0)


def placement_of(layer: Layer) -> dict[str, Any]:
    """The place of `layer` in the world, as arguments of another one whose data are its pixels."""
    return {"scale": layer.scale, "translate": layer.translate, "units": layer.units}


def grid_placement(image: Layer, origin_px: float, step_px: float) -> dict[str, Any]:
    """The place of a layer whose pixel (i, j) belongs on `origin_px + step_px * (i, j)` of `image`.

    Both in pixels of `image`; the middle of its first pixel is 0. As a layer's arguments.
    """
    scale = np.asarray(image.scale)
    return {
        "scale": scale * step_px,
        "translate": image.translate + scale * origin_px,
        "units": image.units,
    }


def place(layer: Layer, image: Layer) -> None:
    """Lay `layer`, whose data are the pixels of `image`, over it."""
    for key, value in placement_of(image).items():
        if not np.array_equal(getattr(layer, key), value):  # setting it draws the layer anew
            setattr(layer, key, value)


def contrast_limits(image: NDArray[Any]) -> tuple[float, float]:
    """Grey values that show a micrograph well whatever its hot pixels: percentiles 0.5 and 99.5.

    Rows and columns of one value each, which show nothing, don't count where there are others.
    """
    stride = max(1, int(np.sqrt(image.size / 250_000)))
    sample = image[::stride, ::stride].astype(np.float32)
    shown = sample[np.ptp(sample, axis=1) > 0]
    shown = shown[:, np.ptp(shown, axis=0) > 0] if shown.size else sample
    low, high = np.percentile(shown, (0.5, 99.5))
    return (float(low), float(high)) if low < high else (float(low), float(low) + 1.0)


@dataclass(frozen=True, eq=False, slots=True)
class Page:
    """A micrograph that was read from a file, and the grey values that it is shown with."""

    micrograph: Micrograph
    contrast_limits: tuple[float, float]
    value_range: tuple[float, float]  # of the slider of the contrast

    @classmethod
    def of(cls, micrograph: Micrograph) -> Page:
        """The page of a micrograph; takes a moment, in whatever thread."""
        image = micrograph.image
        return cls(micrograph, contrast_limits(image), calc_data_range(image))


def show_in(layer: Image, page: Page) -> None:
    """Let a layer show a micrograph that was read from a file, instead of the one it shows now."""
    micrograph = page.micrograph
    source = str(micrograph.source)
    more = {"source": source, "remark": micrograph.remark}
    layer.metadata.update(tag("micrograph", micrograph.name, **more))
    layer.name = micrograph.name
    set_visible(layer, True)  # first: napari 0.9.2 keeps the extent of a hidden layer's old data
    layer.data = micrograph.image
    layer.contrast_limits_range = page.value_range
    layer.contrast_limits = page.contrast_limits
    if (pixel_size_of(layer), *layer.translate) != (micrograph.pixel_size, 0.0, 0.0):  # takes long
        lay_out(layer, micrograph.pixel_size)


def image_layer_data(micrograph: Micrograph, **more: Any) -> tuple[Any, dict[str, Any], str]:
    """(data, arguments, "image") of a micrograph, as readers and samples return it."""
    return (
        micrograph.image,
        {
            "name": micrograph.name,
            "contrast_limits": contrast_limits(micrograph.image),
            "metadata": tag("micrograph", micrograph.name, remark=micrograph.remark, **more),
            **placement(micrograph.pixel_size),
        },
        "image",
    )
