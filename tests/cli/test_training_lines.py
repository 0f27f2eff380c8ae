"""What every command that trains shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blobs import BOX_PX
from napari_deepem.cli.training_lines import describe_model
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.preprocessing.sampling import Sampling
from networks import random_network


def model_with(summary: dict[str, Any]) -> Model:
    network = random_network(Architecture.for_box(BOX_PX))
    return Model(network, "modern", 2 * BOX_PX, Sampling(2), None, 0.5, (0.7, 1.8), summary)


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


def test_model_is_described_with_why_its_precision_is_withheld() -> None:
    """D.1: a reason instead of a figure."""
    withheld = HELD_OUT | {"precision_withheld": "too few picks"}
    text = describe_model(model_with(withheld), Path("m.safetensors"))
    assert "recall 0.950, estimated precision withheld: too few picks, average" in text


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


@pytest.mark.parametrize(
    ("figures", "warning"),
    [
        ({"held_out_recall": 0.5}, "Few of the held-out particles are found (recall 0.50)"),
        ({"held_out_recall": 0.1}, "Few of the held-out particles are found (recall 0.10)"),
        ({"held_out_ap": 0.07}, "Few picks of held-out micrographs are right"),
    ],
)
def test_model_whose_picks_are_bad_is_warned_of(figures: dict[str, float], warning: str) -> None:
    """D.3: neither a recall of just a half nor a precision of hardly any was."""
    text = describe_model(model_with(HELD_OUT | figures), Path("m.safetensors"))
    assert f"\nwarning: {warning}" in text
    assert text.endswith("are box and coordinates in pixels of these files, unbinned?")
