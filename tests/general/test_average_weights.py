"""The weights by which an average of picks tells the box."""

from __future__ import annotations

import average_weights
import numpy as np
import pytest
from average_weights import Profile, fitted, profiles_on
from micrographs import make_micrograph


def test_fit_finds_the_weights_by_which_profiles_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(average_weights, "RIDGE", 1e-9)
    known = np.array([-0.4, -0.5, -0.7, 0.0, -0.3, 0.8, 1.1, 1.5])
    rings = np.random.default_rng(0).standard_normal((60, 8))
    weights, smaller = fitted([Profile(each, float(each @ known - 0.4), 0.0) for each in rings])
    assert weights == pytest.approx(known, abs=1e-6)
    assert smaller == pytest.approx(-0.4, abs=1e-6)


def test_profiles_tell_how_much_larger_the_right_box_is() -> None:
    profiles = list(profiles_on(make_micrograph(np.random.default_rng([77, 0]))))
    expected = [-np.log(times) for times in average_weights.TIMES_LARGER]
    assert [profile.log_times_larger for profile in profiles] == pytest.approx(expected, abs=0.02)
    assert all(np.linalg.norm(profile.rings) == pytest.approx(1.0) for profile in profiles)
