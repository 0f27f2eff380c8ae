"""Two micrographs on a viewer, and a model that is said to have scored them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_deepem.controllers.viewer_link import session_of
from napari_deepem.core.types import Candidates, Micrograph, ScoreMap
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.session import Scored


@pytest.fixture
def viewer() -> ViewerModel:
    """Two micrographs, m1 and m2, of 2 A/px."""
    viewer = ViewerModel()
    for name in ("m1", "m2"):
        data, arguments, _ = image_layer_data(Micrograph(np.zeros((60, 90)), name, 2.0))
        viewer.add_image(data, **arguments)
    return viewer


def model(std_range: tuple[float, float] = (0.5, 1.5), **summary: Any) -> SimpleNamespace:
    """What the docks look at of a model."""
    return SimpleNamespace(
        min_distance_px=None,
        threshold=0.42,
        std_range=std_range,
        box_size_px=20,
        recipe="modern",
        binning=2,
        pixel_size=2.0,
        summary=summary,
    )


def score_current(viewer: ViewerModel, **summary: Any) -> None:
    """Give the current micrograph two candidates, of 0.9 and 0.6."""
    session = session_of(viewer)
    session.model = model(held_out_recall=0.9, **summary)
    grid = np.zeros((5, 8), dtype=np.float32)
    candidates = Candidates(
        np.array([[10.0, 10.0], [40.0, 60.0]]), np.array([0.9, 0.6]), np.ones(2), 20
    )
    micrograph = session.micrographs[session.current]
    scored = Scored(micrograph, session.model, ScoreMap(grid, grid, 0, 1, 20), candidates)
    session.scored = {session.current: scored}
