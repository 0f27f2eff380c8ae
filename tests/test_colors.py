"""Colours that tell things apart, as colour-blind people see them too."""

from itertools import combinations, product

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_deepem.batch import figures
from napari_deepem.layers.label_points import COLORS
from napari_deepem.layers.results import SCORE_SCALE
from napari_deepem.layers.verdict_points import ACCEPTED, REJECTED
from napari_deepem.widgets.pictures import micrograph_table_view, std_range_boxes
from napari_deepem.widgets.plots import series_overview, threshold_plots, training_curves

# Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113: what is seen of linear RGB
SIGHTS = {
    "all colours": np.eye(3),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no blue": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
APART = 16.0  # CIEDE2000; 10 is seen at a glance where colours touch, and ours are thin lines
GROUPS = {
    "on a micrograph": list(COLORS.values()),
    "verdicts": [ACCEPTED, REJECTED],
    "scores of 0, a half and 1": list(SCORE_SCALE),
    "of the std range": [std_range_boxes.KEPT, std_range_boxes.CUT],
    "of the series": [series_overview.PICKS, series_overview.SCORE],
    "states of micrographs": sorted(set(micrograph_table_view.COLORS.values())),
    "picks by truth": [figures.HIT, figures.WRONG, figures.MISSED],
    "of the threshold": list(threshold_plots.COLORS.values()),
    "of a training": [training_curves.LOSS, training_curves.HELD_OUT, training_curves.AP],
    "on light": list(training_curves.ON_LIGHT.values()),
}


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("group", GROUPS)
def test_colors_are_told_apart(group: str, sight: str) -> None:
    seen = [_seen(color, SIGHTS[sight]) for color in GROUPS[group]]
    assert min(deltaE_ciede2000(*pair) for pair in combinations(seen, 2)) > APART


def test_boxes_stand_out_from_a_micrograph() -> None:
    """Against the greys of which a micrograph shows most; a green label does so less (10)."""
    greys = [(lightness, 0.0, 0.0) for lightness in (35, 45, 54, 63, 73)]
    for role, sight in product(("picks", "negative", "hand"), SIGHTS):
        seen = _seen(COLORS[role], SIGHTS[sight])
        assert min(deltaE_ciede2000(seen, grey) for grey in greys) > APART, (role, sight)


def _seen(color: str, sight: np.ndarray) -> np.ndarray:
    """The (3,) CIELAB colour that is seen of "#rrggbb"."""
    rgb = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(sight @ linear, 0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb2lab(rgb[np.newaxis, np.newaxis])[0, 0]
