from types import SimpleNamespace

import numpy as np
import pytest

from napari_deepem.core.types import Candidates
from napari_deepem.session import Session
from napari_deepem.session.threshold_curves import at_ends, held_out_curves, why_none

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


@pytest.mark.parametrize(
    ("threshold", "std_range", "expected"),
    [
        (0.95, (0.0, 9.0), "all score below the threshold 0.95, the best 0.90"),
        (0.6, (0.0, 0.4), "the std of all above the threshold is over the upper limit 0.40"),
        (0.6, (4.0, 9.0), "the std of all above the threshold is under the lower limit 4.00"),
        (0.6, (2.1, 2.2), "no std above the threshold is within 2.10 to 2.20"),
        (0.6, (0.0, 9.0), ""),
    ],
)
def test_reason_why_none_is_kept_is_told(threshold, std_range, expected) -> None:
    """E.11"""
    assert why_none(CANDIDATES, threshold, std_range) == expected


def test_no_candidates_need_no_reason() -> None:
    empty = Candidates(np.empty((0, 2)), np.empty(0), np.empty(0), 40)
    assert why_none(empty, 0.5, (0.0, 9.0)) == ""


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
    summary = {"held_out_curves": stored, "held_out": [{"particles": 10}]}
    session.model = SimpleNamespace(summary=summary, **settings)
    thresholds, curves = held_out_curves(session)
    np.testing.assert_array_equal(thresholds, [0.0, 0.5, 1.0])
    assert {name: list(curve) for name, curve in curves.items()} == {
        "recall": [1.0, 0.8, 0.0],
        "F2": [0.5, 0.8, 0.0],
    }
