from __future__ import annotations

import numpy as np
import pytest

from napari_deepem.core.preprocessing import running_means
from napari_deepem.core.preprocessing.running_means import blurred, blurred_strips


@pytest.mark.parametrize("height", [5, 64, 300, 301])
@pytest.mark.parametrize("width_px", [1, 6, 9.6])
def test_strips_are_those_of_the_whole_image_though_it_changes_meanwhile(
    height: int, width_px: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_means, "STRIP_PIXELS", 40 * 64)
    image = np.random.default_rng(0).normal(size=(height, 40)).astype(np.float32)
    expected = blurred(image, width_px)
    rows_seen = []
    for rows, strip in blurred_strips(image, width_px):
        np.testing.assert_allclose(strip, expected[rows], atol=1e-6)
        image[rows] = np.nan
        rows_seen += range(height)[rows]
    assert rows_seen == list(range(height))
