from types import SimpleNamespace

import numpy as np
import pytest

from napari_deepem.core.types import Candidates
from napari_deepem.session import Session
from napari_deepem.session.threshold_curves import at_ends, held_out_curves

STDS = np.array([1.0, 3.0, 0.5, 2.0, 0.1])
CANDIDATES = Candidates(np.zeros((5, 2)), np.array([0.9, 0.8, 0.7, 0.6, 0.2]), STDS, 40)


@pytest.mark.parametrize(
    ("std_range", "expected"),
    [
        ((0.8, 2.5), [0.5, 1.0, 2.0, 3.0]),
        ((1.0, 2.0), [0.5, 1.0, 2.0, 3.0]),  # its ends are within it
        ((0.0, 9.0), [None, 0.5, 3.0, None]),
        ((0.6, 0.7), [0.5, None, None, 1.0]),
        ((4.0, 9.0), [3.0, None, None, None]),
        ((0.0, 0.1), [None, None, None, 0.5]),
    ],
)
def test_boxes_at_the_ends_are_next_to_them_and_above_the_threshold(std_range, expected) -> None:
    chosen = at_ends(CANDIDATES, 0.6, std_range)
    assert [None if index is None else STDS[index] for index in chosen] == expected


def test_nothing_above_the_threshold_has_no_ends() -> None:
    assert at_ends(CANDIDATES, 0.95, (0.0, 9.0)) == [None] * 4


def test_curves_are_those_of_the_model() -> None:
    session = Session()
    assert held_out_curves(session)[1] == {}
    settings = {
        "min_distance_px": None,
        "threshold": 0.5,
        "std_range": (0.0, 1.0),
        "box_size_px": 40,
    }
    session.model = SimpleNamespace(summary={"held_out_recall": 0.9}, **settings)
    assert held_out_curves(session)[1] == {}  # of an older version
    stored = {"recall": [1.0, 0.8, 0.0], "f2": [0.5, 0.8, 0.0]}
    session.model = SimpleNamespace(summary={"held_out_curves": stored}, **settings)
    thresholds, curves = held_out_curves(session)
    np.testing.assert_array_equal(thresholds, [0.0, 0.5, 1.0])
    assert {name: list(curve) for name, curve in curves.items()} == {
        "recall": [1.0, 0.8, 0.0],
        "F2": [0.5, 0.8, 0.0],
    }
