"""The figures of a network while it is trained, those of D.4 among them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from blobs import BOX_PX, blob_sample
from napari_deepem.core.jobs import EpochDone, finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.scoring import score_crops
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import held_out_figures
from napari_deepem.core.training.dataset import Field, prepare_fields
from napari_deepem.core.training.field_picks import evaluate_held_out
from napari_deepem.core.training.held_out_figures import (
    LEAST_BOXES,
    LOOKS,
    HeldOutFigures,
    epochs_to_look,
    parts_to_pick,
)
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train
from networks import lively_network

NETWORK = lively_network(Architecture.for_box(BOX_PX))


def fields_of(*seeds: int) -> list[Field]:
    micrographs, labels = blob_sample(*seeds)
    return prepare_fields(micrographs, labels, BOX_PX, Sampling(1))


def figures_on(held_out: list[Field], epochs: int, boxes_per_epoch: int) -> HeldOutFigures:
    settings = TrainingSettings(BOX_PX, Sampling(1), "deepem2017", epochs)
    rng = np.random.default_rng(0)
    return HeldOutFigures(held_out, settings, rng, torch.nn.functional.mse_loss, boxes_per_epoch)


@pytest.mark.parametrize("epochs", [1, 3, 8, 40, 100])
def test_picking_is_tried_after_some_epochs_and_the_last(epochs: int) -> None:
    looks = epochs_to_look(epochs)
    assert len(looks) == min(epochs, LOOKS)
    assert max(looks) == epochs
    assert min(looks) >= 1


def test_whole_fields_are_picked_where_there_is_time_for_them() -> None:
    """D.4: what the curve shows is what picking these micrographs comes to."""
    held_out = fields_of(1, 2)
    ap = finish(figures_on(held_out, 40, boxes_per_epoch=100_000).at_picking(NETWORK, 40))
    assert ap == pytest.approx(evaluate_held_out(NETWORK, held_out).ap)


def test_of_many_boxes_some_tell_how_good_a_network_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """All 1200 of four crowded micrographs took longer after each epoch than its batches."""
    seen: list[int] = []

    def counted(boxes: np.ndarray, *arguments: Any) -> Any:
        seen.append(len(boxes))
        return score_crops(boxes, *arguments)

    monkeypatch.setattr(held_out_figures, "score_crops", counted)
    figures_on(fields_of(1, 2), 4, 1).at_boxes(NETWORK)
    monkeypatch.setattr(held_out_figures, "MOST_BOXES", 4)
    figures_on(fields_of(1, 2), 4, 1).at_boxes(NETWORK)
    assert seen == [36, 8]


def test_picking_is_not_tried_to_the_end_where_somebody_stops_that() -> None:
    figures = figures_on(fields_of(1, 2), 40, boxes_per_epoch=100_000)
    assert finish(figures.at_picking(NETWORK, 40, stop=lambda: True)) is None


def test_part_that_is_picked_has_the_particles_that_the_field_has_there() -> None:
    (field,) = fields_of(1)
    (part,) = parts_to_pick([field], BOX_PX, most_px=1)
    first, last = part.cols
    assert last - first == LEAST_BOXES * BOX_PX
    (same,) = np.flatnonzero(field.positive_yx[:, 0] == part.positive_yx[0, 0])
    start = round(field.positive_yx[same, 1] - part.positive_yx[0, 1])
    height, width = part.prepared.shape
    np.testing.assert_array_equal(part.prepared, field.prepared[:, start : start + width])
    in_field = field.within(first + start, last + start).positive_yx
    np.testing.assert_allclose(part.positive_yx + np.array([0, start]), in_field)
    assert height == field.prepared.shape[0]
    assert 0 < len(part.positive_yx) <= len(field.positive_yx)


def test_part_of_a_micrograph_of_negatives_alone_is_its_first_columns() -> None:
    field = replace(fields_of(1)[0], positive_yx=np.empty((0, 2)))
    (part,) = parts_to_pick([field], BOX_PX, most_px=1)
    assert part.cols == (field.cols[0], field.cols[0] + LEAST_BOXES * BOX_PX)
    np.testing.assert_array_equal(part.prepared, field.prepared[:, : part.prepared.shape[1]])


def test_less_time_means_fewer_fields_and_never_none() -> None:
    fields = fields_of(1, 2, 3)
    size = fields[0].prepared.size
    assert [len(parts_to_pick(fields, BOX_PX, most * size)) for most in (0.0, 1.5, 4.0)] == [
        1,
        1,
        3,
    ]
    assert parts_to_pick([], BOX_PX, 1e9) == []


def test_training_tells_how_good_picking_is_and_whether_that_is_a_bound() -> None:
    micrographs, labels = blob_sample(1, 2)
    curve: list[EpochDone] = []
    model = train(
        micrographs, labels, BOX_PX, epochs=2, labels_complete=False, on_epoch=curve.append
    )
    assert all(0 <= (done.picking_ap or -1) <= 1 for done in curve)
    assert not any(done.labels_complete for done in curve)
    assert model.summary["curve"][-1]["picking_ap"] == curve[-1].picking_ap


def test_nothing_is_told_where_nothing_is_held_out() -> None:
    figures = figures_on([], 2, 10)
    network: Network = NETWORK
    assert figures.at_boxes(network) == (None, None)
    assert finish(figures.at_picking(network, 2)) is None
