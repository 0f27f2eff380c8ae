"""Boxes laid out by their likeness, and grouped."""

import numpy as np

from napari_deepem.core.evaluation.likeness import groups_alike, principal_components

RNG = np.random.default_rng(3)
# 30 of one kind and 12 of another, which differ in two of five features of very different scales
KINDS = np.repeat([0, 1], [30, 12])
FEATURES = RNG.normal(size=(42, 5)) * 0.1 + KINDS[:, None] * np.array([2.0, 0, 0, -2.0, 0])
SCALED = FEATURES * np.array([1.0, 1.0, 1e4, 1e-4, 1.0])


def test_kinds_lie_apart_along_the_first_component_whatever_the_scales() -> None:
    first = principal_components(FEATURES, 2)[:, 0]
    low, high = (first[kind == KINDS] for kind in (0, 1))
    assert low.max() < high.min() or high.max() < low.min()
    np.testing.assert_allclose(principal_components(SCALED, 2), principal_components(FEATURES, 2))


def test_groups_are_the_kinds_and_the_largest_comes_first() -> None:
    np.testing.assert_array_equal(groups_alike(principal_components(FEATURES), 2), KINDS)


def test_what_can_not_be_told_apart_is_one_group() -> None:
    assert groups_alike(np.zeros((4, 3))).tolist() == [0, 0, 0, 0]
    assert groups_alike(np.zeros((0, 3))).tolist() == []
    assert sorted(set(groups_alike(np.array([[0.0], [0.0], [9.0]])).tolist())) == [0, 1]
