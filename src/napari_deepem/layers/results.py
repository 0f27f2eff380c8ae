"""The score map and picks of the current micrograph as layers: rebuilt, never read back.

There is one layer of each kind in a viewer, reused: many Points layers slow napari down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from napari.utils.colormaps.standardize_color import transform_color

from napari_deepem.core.types import Float32Array, FloatArray, Picks, ScoreMap
from napari_deepem.layers.label_points import COLORS, resize, set_centres, square_style
from napari_deepem.layers.layer_order import add_in_order
from napari_deepem.layers.micrographs import grid_placement, place, placement_of
from napari_deepem.layers.tags import KEY, find_layer, find_layers, tag

SCORE_MAP_NAME = "Score map"
PICKS_NAME = "Picks"
HIDDEN = "hidden"  # in a layer's metadata: by us
SCORE_SCALE = ("#c2185b", "#e6a4b4", COLORS["picks"])  # at scores of 0, a half and 1


def show_score_map(viewer: ViewerModel, image: Image, score_map: ScoreMap) -> Image:
    """The layer of a score map over its micrograph: element (i, j) on its box's centre."""
    name = image.metadata[KEY]["micrograph"]
    arguments = grid_placement(image, score_map.origin_px, score_map.step_px)
    layer = find_layer(viewer.layers, "scores")
    if layer is None:
        layer = Image(
            score_map.scores,
            name=SCORE_MAP_NAME,
            metadata=tag("scores", name),
            colormap="inferno",
            contrast_limits=(0.0, 1.0),
            blending="additive",
            opacity=0.5,
            interpolation2d="linear",
            **arguments,
        )
        return add_in_order(viewer, layer)
    if layer.data is not score_map.scores:
        layer.data = score_map.scores
    _set(layer, arguments)
    layer.metadata[KEY]["micrograph"] = name
    show_again(layer)
    return layer


def show_picks(viewer: ViewerModel, image: Image, picks: Picks) -> Points:
    """The layer of a micrograph's picks, as squares: quick enough for a slider that is dragged.

    The layer holds the picks alone: `Points.shown` is not heeded by a 2-D layer in napari 0.9.2.
    """
    name = image.metadata[KEY]["micrograph"]
    box_size_px = picks.box_size_px or 1
    layer = find_layer(viewer.layers, "picks")
    if layer is None:
        layer = Points(
            np.empty((0, 2)),
            ndim=2,
            name=PICKS_NAME,
            metadata=tag("picks", name),
            **square_style("picks", box_size_px),
            **placement_of(image),
        )
        layer.editable = False
        layer.events.visible.connect(lambda event: _color_by_score(event.source))
        add_in_order(viewer, layer)
    layer.metadata[KEY]["micrograph"] = name
    place(layer, image)
    if layer.current_size != box_size_px:
        resize(layer, box_size_px)
    if not holds(layer, picks):
        exchange(layer, picks, _color_by_score)
    show_again(layer)
    return layer


def exchange(layer: Points, picks: Picks, color: Callable[[Points], bool]) -> None:
    """Let a layer hold other picks, told and drawn once, when they have scores and colours.

    `color` colours them, and says whether it did: then they are drawn.

    Nobody hears of the positions themselves: napari would measure all layers anew, twice, and lay
    out its sliders, though the picks lie on the micrograph as before. That takes as long as the
    rest. Nor does anybody hear of the thumbnail, for which napari would draw its list of layers.
    """
    events = layer.events
    silent = (events.data, events.features, events.set_data, events.thumbnail)
    with ExitStack() as stack:
        for each in silent:
            stack.enter_context(each.blocker())
        set_centres(layer, picks.centres_yx)
    layer.features = {} if picks.scores is None else {"score": picks.scores}
    if not color(layer):
        layer.refresh(thumbnail=False, extent=False)


def holds(layer: Points, picks: Picks) -> bool:
    """Whether a layer of picks has these already, with these scores."""
    scores: Any = [] if picks.scores is None else picks.scores
    shown = np.asarray(layer.features.get("score", []), dtype=np.float64)
    same_scores = np.array_equal(shown, scores, equal_nan=True)
    return same_scores and np.array_equal(layer.data, picks.centres_yx)


def score_colors(scores: FloatArray) -> Float32Array:
    """(n, 4) colours, red, green, blue and opacity from 0 to 1, of (n,) scores from 0 to 1."""
    return _SCORE_COLORS[np.rint(scores * (len(_SCORE_COLORS) - 1)).astype(np.int64)]


def _color_by_score(layer: Points) -> bool:
    """Whether the squares of picks were coloured by score: not if they are so, or hidden."""
    if not layer.visible:
        return False
    colors = np.broadcast_to(score_colors(np.ones(1)), (len(layer.data), 4))
    if "score" in layer.features:
        colors = score_colors(layer.features["score"].to_numpy(dtype=np.float64))
    if np.array_equal(layer.border_color, colors):
        return False
    with layer.events.border_color.blocker():  # the colours themselves have told already
        layer.border_color = colors
    return True


def hide(layer: Layer) -> None:
    """Hide a layer that has nothing to show, until there is something again."""
    if layer.visible:
        layer.visible = False
        layer.metadata[KEY][HIDDEN] = True


def show_again(layer: Layer) -> None:
    """Show a layer that `hide` has hidden; what the user has hidden stays so."""
    if layer.metadata[KEY].pop(HIDDEN, False):
        layer.visible = True


def move_results(viewer: ViewerModel, image: Image, score_map: ScoreMap | None) -> None:
    """Lay picks and score map over their micrograph again, after that was moved."""
    name = image.metadata[KEY]["micrograph"]
    for layer in (*find_layers(viewer.layers, "picks", name), *find_layers(viewer.layers, "hand")):
        place(layer, image)
    if score_map is not None:
        for layer in find_layers(viewer.layers, "scores", name):
            _set(layer, grid_placement(image, score_map.origin_px, score_map.step_px))


def copy_picks(viewer: ViewerModel, image: Image, picks: Picks) -> Points:
    """A new ordinary Points layer of picks, the user's to edit; the score is a feature."""
    name = image.metadata[KEY]["micrograph"]
    features = {} if picks.scores is None else {"score": picks.scores}
    return viewer.add_points(
        picks.centres_yx,
        ndim=2,
        name=f"{name} picks",
        features=features,
        metadata=tag("coordinates", name),
        **{**square_style("picks", picks.box_size_px or 1), "border_color": "#f5d90a"},
        **placement_of(image),
    )


def _set(layer: Layer, arguments: Mapping[str, Any]) -> None:
    for key, value in arguments.items():
        if not np.array_equal(getattr(layer, key), value):  # setting it draws the layer anew
            setattr(layer, key, value)


def _between(colors: Sequence[str], count: int) -> Float32Array:
    """(count, 4) colours from the first to the last, by way of the others."""
    stops = transform_color(list(colors))
    places = np.linspace(0, len(stops) - 1, count)
    channels = [np.interp(places, np.arange(len(stops)), channel) for channel in stops.T]
    return np.stack(channels, axis=1).astype(np.float32)


_SCORE_COLORS = _between(SCORE_SCALE, 256)
