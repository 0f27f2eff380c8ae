from __future__ import annotations

import numpy as np
import pytest

from blobs import BOX_PX, blob_sample
from napari_deepem.core import calibration
from napari_deepem.core.calibration import STD_MARGIN, evaluate_held_out, particle_std_range
from napari_deepem.core.examples import cut_boxes, prepare_fields
from napari_deepem.core.jobs import finish
from napari_deepem.core.network import Architecture
from napari_deepem.core.picking import find_candidates, select_picks
from napari_deepem.core.scoring import score_prepared
from networks import lively_network

NETWORK = lively_network(Architecture.for_box(BOX_PX))


def test_range_of_standard_deviations_holds_all_labelled_particles() -> None:
    micrographs, labels = blob_sample(1, 2)
    fields = prepare_fields(micrographs, labels, BOX_PX, 1)
    low, high = particle_std_range(fields, BOX_PX)
    stds = [
        float(box.std())
        for field in fields
        for box in cut_boxes([field], [field.positive_yx], BOX_PX)
    ]
    assert len(stds) == 18
    assert low == pytest.approx(min(stds) / STD_MARGIN, rel=1e-5)
    assert high == pytest.approx(max(stds) * STD_MARGIN, rel=1e-5)


def test_held_out_part_is_judged_within_its_columns_alone() -> None:
    micrographs, labels = blob_sample(1)
    (whole,) = prepare_fields(micrographs, labels, BOX_PX, 1)
    part = whole.within(60.0, 120.0)
    picks = select_picks(
        find_candidates(finish(score_prepared(whole.prepared, NETWORK))), threshold=0.0
    )
    cols = picks.centres_yx[:, 1]
    result = evaluate_held_out(NETWORK, [part])
    assert result.n_picks == int(((cols >= 60) & (cols <= 120)).sum())
    assert 0 < result.n_picks < len(picks)
    assert result.n_truth == len(part.positive_yx) < len(whole.positive_yx)
    assert result.radius_px == BOX_PX / 4


def test_held_out_micrographs_are_pooled() -> None:
    micrographs, labels = blob_sample(1, 2)
    fields = prepare_fields(micrographs, labels, BOX_PX, 1)
    both = evaluate_held_out(NETWORK, fields)
    each = [evaluate_held_out(NETWORK, [field]) for field in fields]
    assert both.n_picks == sum(result.n_picks for result in each)
    assert both.n_truth == 18


def test_threshold_without_held_out_labels_is_where_a_sigmoid_is_undecided() -> None:
    assert 1 / (1 + np.exp(0)) == calibration.THRESHOLD_WITHOUT_HELD_OUT
