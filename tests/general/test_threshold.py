"""The threshold that the general network gets."""

from __future__ import annotations

import numpy as np
import pytest
import threshold
from training import STEP_PX, Pool

from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.types import ScoreMap
from networks import lively_network


def test_threshold_is_where_f2_is_best_over_all_micrographs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def score_prepared(image: np.ndarray, network: object):
        """An image's pixels as its scores."""
        yield from ()
        scores = image[::STEP_PX, ::STEP_PX]
        return ScoreMap(scores, np.ones_like(scores), 0.0, STEP_PX, box_size_px=44)

    monkeypatch.setattr(threshold, "score_prepared", score_prepared)
    right, wrong = np.array([[40, 40], [160, 160]]), np.array([[160, 40], [40, 160]])
    images = np.zeros((2, 200, 200), dtype=np.float16)
    images[(0, 1), *right.T] = 0.875, 0.5
    images[(0, 1), *wrong.T] = 0.75, 0.25
    # F2 is 0.56 from 0.875 up, 0.50 from 0.75, 0.91 from 0.5, 0.83 from 0.25
    pool = Pool.of(images, [right[:1].astype(float), right[1:].astype(float)])
    assert threshold.best_threshold(lively_network(Architecture.for_box(44)), pool) == 0.5
