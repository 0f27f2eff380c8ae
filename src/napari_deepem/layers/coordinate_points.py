"""Picks of coordinate files as the user's own Points, and back, with all that is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray, PickFeature, Picks
from napari_deepem.io.coordinates import MicrographPicks
from napari_deepem.io.images.file_names import plain_name
from napari_deepem.layers.label_points import square_style
from napari_deepem.layers.micrographs import file_of, is_micrograph, pixel_size_of
from napari_deepem.layers.tags import KEY, micrograph_name_of, tag

UNKNOWN_BOX_PX = 40  # what points are drawn with where no box size is known
NO_BOX = "no_box"  # in a layer's tag: a size of points that is none of a box
FEATURES: tuple[PickFeature, ...] = ("angle", "class", "size")

LayerData = tuple[Any, ...]


def open_images(viewer: Any) -> dict[str, Image]:
    """The images of a viewer that are micrographs, or may be, by name."""
    layers: list[Layer] = [] if viewer is None else list(viewer.layers)
    return {
        micrograph_name_of(layer) or plain_name(layer.name): layer
        for layer in layers
        if isinstance(layer, Image) and is_micrograph(layer)
    }


def points_layer_of(
    picks: Picks, name: str, micrograph: str, *, visible: bool = True, **where: Any
) -> LayerData:
    """(data, arguments, "points") of picks from a file; points that are added have no features."""
    features: dict[str, Any] = {} if picks.scores is None else {"score": picks.scores}
    features.update(picks.features.items())
    box_size_px = picks.box_size_px
    style = square_style("picks", box_size_px or UNKNOWN_BOX_PX)
    if box_size_px is None:
        style["symbol"] = "disc"
    arguments = {
        "name": name,
        "ndim": 2,
        "visible": visible,
        "features": features,
        "feature_defaults": dict.fromkeys(features, np.nan),
        "metadata": tag(
            "coordinates", micrograph, **({} if box_size_px else {NO_BOX: UNKNOWN_BOX_PX})
        ),
        **style,
        **where,
    }
    return picks.centres_yx, arguments, "points"


def micrograph_picks(
    centres_yx: FloatArray, attributes: Mapping[str, Any], viewer: Any
) -> MicrographPicks:
    """The points of a layer as picks of their micrograph, or else of the only one in a viewer."""
    ours = attributes["metadata"].get(KEY, {})
    images = open_images(viewer)
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
    """(n,) scores, NaN of points that were added by hand; None where none has a score."""
    scores = _numbers(features, "score")
    return None if scores is None or np.isnan(scores).all() else scores


def count_unknown(features: Any) -> int:
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
