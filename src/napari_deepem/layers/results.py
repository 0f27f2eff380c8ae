"""Score map and picks of the current micrograph as layers: projections, rebuilt, never read back.

There is one layer of each kind in a viewer, reused: many Points layers slow napari down.
"""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Points
from numpy.typing import NDArray

from napari_deepem.core.types import Candidates, Picks, ScoreMap

from .annotation import resize, square_style
from .micrographs import placement_of
from .tags import KEY, find_layer, tag

SCORE_MAP_NAME = "Score map"
PICKS_NAME = "Picks"


def show_score_map(viewer: ViewerModel, image: Image, score_map: ScoreMap) -> Image:
    """Lay a score map over its micrograph: the middle of element (i, j) on its box's centre."""
    name = image.metadata[KEY]["micrograph"]
    scale = np.asarray(image.scale)
    place = {
        "scale": scale * score_map.step_px,
        "translate": image.translate + scale * score_map.origin_px,
        "units": image.units,
    }
    layer = find_layer(viewer.layers, "scores")
    if layer is None:
        layer = viewer.add_image(
            score_map.scores,
            name=SCORE_MAP_NAME,
            metadata=tag("scores", name),
            colormap="inferno",
            contrast_limits=(0.0, 1.0),
            blending="additive",
            opacity=0.5,
            interpolation2d="linear",
            **place,
        )
        _move_above(viewer, layer, image)
        return layer
    layer.data = score_map.scores
    for key, value in place.items():
        setattr(layer, key, value)
    layer.metadata.update(tag("scores", name))
    layer.visible = True
    return layer


def show_candidates(viewer: ViewerModel, image: Image, candidates: Candidates) -> Points:
    """Put all candidates of a micrograph into the picks layer, none of them shown yet."""
    name = image.metadata[KEY]["micrograph"]
    layer = find_layer(viewer.layers, "picks")
    if layer is None:
        layer = viewer.add_points(
            np.empty((0, 2)),
            ndim=2,
            name=PICKS_NAME,
            metadata=tag("picks", name),
            **square_style("picks", candidates.box_size_px),
        )
        layer.editable = False
    for key, value in placement_of(image).items():
        setattr(layer, key, value)
    layer.metadata.update(tag("picks", name))
    resize(layer, candidates.box_size_px)
    layer.data = candidates.centres_yx
    layer.features = {"score": candidates.scores, "std": candidates.stds}
    layer.shown = np.zeros(len(candidates), dtype=bool)
    layer.visible = True
    return layer


def show_picks(layer: Points, candidates: Candidates, picks: Picks) -> None:
    """Show those candidates that are picks: quick enough for a slider that is being dragged."""
    layer.shown = np.isin(_complex(candidates.centres_yx), _complex(picks.centres_yx))


def copy_picks(viewer: ViewerModel, image: Image, picks: Picks) -> Points:
    """Add picks as an ordinary Points layer, the user's to edit; the score is a feature."""
    name = image.metadata[KEY]["micrograph"]
    features = {} if picks.scores is None else {"score": picks.scores}
    return viewer.add_points(
        picks.centres_yx,
        ndim=2,
        name=f"{name} picks",
        features=features,
        **{**square_style("picks", picks.box_size_px or 1), "border_color": "#f5d90a"},
        **placement_of(image),
    )


def _complex(points_yx: NDArray[np.float64]) -> NDArray[np.complex128]:
    return points_yx[:, 0] + 1j * points_yx[:, 1]


def _move_above(viewer: ViewerModel, layer: Image, image: Image) -> None:
    viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image) + 1)
