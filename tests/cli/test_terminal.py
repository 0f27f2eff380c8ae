from __future__ import annotations

from collections.abc import Generator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from blobs import BOX_PX, blob_sample
from napari_deepem.batch.pick import MicrographDone
from napari_deepem.batch.train import LabelledFiles
from napari_deepem.cli.pick import follow_picking
from napari_deepem.cli.train import follow_training
from napari_deepem.cli.training_lines import describe_model
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Architecture
from napari_deepem.core.training.train import EpochDone
from napari_deepem.core.types import Picks
from networks import random_network


def model_with(summary: dict[str, Any]) -> Model:
    network = random_network(Architecture.for_box(BOX_PX))
    return Model(network, "modern", 2 * BOX_PX, 2, None, 0.5, (0.7, 1.8), summary)


def console_on(terminal: bool) -> tuple[Console, StringIO]:
    shown = StringIO()
    return Console(file=shown, force_terminal=terminal, width=120, highlight=False), shown


def training() -> Generator[LabelledFiles | EpochDone, None, Model]:
    micrographs, labels = blob_sample(1, 2)
    yield LabelledFiles(micrographs, labels, ["m17"])
    yield EpochDone(1, 2, 0.5, 0.4, 0.75)
    yield EpochDone(2, 2, 0.25, None, None)
    return model_with({})


def picking() -> Generator[MicrographDone, None, None]:
    yield MicrographDone("first", 1.25, Picks(np.zeros((3, 2))))
    yield MicrographDone("second", 0.5, remark="second.mrc: cut short")
    yield MicrographDone("third", 0.5, Picks(np.zeros((4, 2))), remark="third has 4 A/px")


def test_training_is_shown_in_lines_where_there_is_no_terminal() -> None:
    console, shown = console_on(terminal=False)
    assert follow_training(training(), console).recipe == "modern"
    assert shown.getvalue().splitlines() == [
        "18 particles on 2 micrographs; left out, no coordinates: m17",
        "epoch 1/2  loss 0.5000  held-out boxes: loss 0.4000, AP 0.750",
        "epoch 2/2  loss 0.2500",
    ]


def test_training_is_shown_as_a_bar_on_a_terminal() -> None:
    console, shown = console_on(terminal=True)
    follow_training(training(), console)
    text = shown.getvalue()
    assert "2/2" in text
    assert "loss 0.2500" in text
    assert "epoch 1/2" not in text


@pytest.mark.parametrize("terminal", [False, True])
def test_picking_names_what_failed_and_counts_the_rest(terminal: bool) -> None:
    console, shown = console_on(terminal)
    assert follow_picking(picking(), 3, console) == ["second"]
    text = shown.getvalue()
    assert "napari-deepem: second.mrc: cut short" in text
    assert "napari-deepem: third has 4 A/px" in text
    assert "7 picks on 2 micrographs\n" in text  # nothing tells how many are right
    assert "1 of 3 micrographs could not be picked" in text
    assert ("first: 3 picks, 1.2 s" in text) != terminal


def test_expected_hits_of_all_micrographs_make_one_estimate() -> None:
    def job() -> Generator[MicrographDone, None, None]:
        yield MicrographDone("a", 0.5, Picks(np.zeros((3, 2))), expected_hits=2.5)
        yield MicrographDone("b", 0.5, Picks(np.zeros((7, 2))), expected_hits=6.7)

    console, shown = console_on(terminal=False)
    follow_picking(job(), 2, console)
    assert "10 picks on 2 micrographs, estimated precision 0.92\n" in shown.getvalue()


def test_single_micrograph_that_fails_is_one_line() -> None:
    def job() -> Generator[MicrographDone, None, None]:
        yield MicrographDone("m", 0.5, remark="m.mrc: cut short")

    console, shown = console_on(terminal=False)
    assert follow_picking(job(), 1, console) == ["m"]
    assert shown.getvalue() == "napari-deepem: m.mrc: cut short\n"


def test_brackets_in_names_are_shown_as_they_are() -> None:
    def job() -> Generator[MicrographDone, None, None]:
        yield MicrographDone("m[1]", 0.5, remark="/data/[bold]m[1].mrc: cut short")

    console, shown = console_on(terminal=False)
    follow_picking(job(), 1, console)
    assert "/data/[bold]m[1].mrc" in shown.getvalue()


HELD_OUT = {
    "trained_on": [{"micrograph": "m1"}],
    "held_out": [{"micrograph": "m2"}, {"micrograph": "m5"}],
    "held_out_recall": 0.95,
    "held_out_ap": 0.9123,
    "held_out_f2": 0.8768,
    "labels_complete": True,
}


def test_model_is_described_with_what_was_held_out_and_the_matching_radius() -> None:
    text = describe_model(model_with(HELD_OUT), Path("m.safetensors"))
    assert "wrote m.safetensors: box 48 px, binned 2x to 24 px, threshold 0.500" in text
    assert "held out: m2, m5: recall 0.950" in text
    assert "average precision 0.912, F2 0.877" in text
    assert text.endswith("matched within 12 px")


def test_model_is_described_with_its_estimated_precision() -> None:
    found = HELD_OUT | {"estimated_precision": 0.9312}
    text = describe_model(model_with(found), Path("m.safetensors"))
    assert "recall 0.950, estimated precision 0.93, average precision" in text


def test_partial_labels_are_judged_by_recall_alone() -> None:
    text = describe_model(model_with(HELD_OUT | {"labels_complete": False}), Path("m.safetensors"))
    assert "recall 0.950" in text
    assert "average precision" not in text


def test_threshold_without_held_out_labels_is_called_a_guess() -> None:
    text = describe_model(model_with({"held_out": []}), Path("m.safetensors"))
    assert "the threshold is a guess: label a second micrograph" in text


def test_held_out_part_of_the_only_micrograph_is_called_a_part() -> None:
    summary = HELD_OUT | {"trained_on": [{"micrograph": "m2"}], "held_out": [{"micrograph": "m2"}]}
    text = describe_model(model_with(summary), Path("m.safetensors"))
    assert "held out: the right-hand part of m2: recall 0.950" in text
    assert "warning" not in text


def test_model_that_finds_few_particles_is_warned_of() -> None:
    text = describe_model(model_with(HELD_OUT | {"held_out_recall": 0.1}), Path("m.safetensors"))
    assert "warning: few of the held-out particles are found" in text
