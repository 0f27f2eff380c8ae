"""Training on the device that its settings name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from blobs import BOX_PX, blob_sample
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.network import cpu_training_pass
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.cpu_training_pass import training_logits
from napari_deepem.core.network.network import Network
from napari_deepem.core.training.learners import PaperLearner, losses_of_epoch
from napari_deepem.core.training.refinement import refine
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train, train_epochs
from napari_deepem.core.types import Labels
from quick_recipes import shorten_recipes

GPUS = [
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")),
    pytest.param(
        "mps", marks=pytest.mark.skipif(not torch.backends.mps.is_available(), reason="no MPS")
    ),
]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
def test_device_that_is_not_there_is_refused_before_a_micrograph_is_read() -> None:
    def unread() -> object:
        raise AssertionError("read all the same")
        yield

    settings = TrainingSettings(BOX_PX, device="cuda")
    job = train_epochs(unread(), [Labels.of([[30, 30]])], settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'cuda' is not available"):
        next(job)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
@pytest.mark.parametrize("recipe", ["modern", "deepem2017"])
def test_training_and_refining_on_the_cpu_ask_for_no_other_device(
    monkeypatch: pytest.MonkeyPatch, recipe: str
) -> None:
    micrographs, labels = blob_sample(1, 2)
    shorten_recipes(monkeypatch, batches_per_epoch=2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # auto would fail here
    options = {"recipe": recipe, "epochs": 4, "labels_complete": False, "device": "cpu"}
    model = train(micrographs, labels, BOX_PX, **options)  # type: ignore[arg-type]
    new, verdicts = blob_sample(3)
    refine(model, new, verdicts, earlier=micrographs, epochs=1, device="cpu")


@pytest.mark.parametrize("device", GPUS)
@pytest.mark.parametrize("recipe", ["modern", "deepem2017"])
def test_gpu_trains_a_model_that_learns_and_lies_on_the_cpu(device: str, recipe: str) -> None:
    micrographs, labels = blob_sample(1, 2, 3, 4)
    settings = TrainingSettings(BOX_PX, recipe_name=recipe, epochs=8, device=device)
    model = finish(train_epochs(micrographs, labels, settings))
    assert {weights.device.type for weights in model.network.parameters()} == {"cpu"}
    losses = [epoch["loss"] for epoch in model.summary["curve"]]
    assert losses[-1] < losses[0]


def test_only_the_cpu_takes_the_pass_that_is_made_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = replace(Architecture.for_box(24), activation="relu")
    network, boxes = Network(architecture, batch_norm=True), torch.zeros(4, 1, 24, 24)
    passes: list[torch.Size] = []

    def counted(image: torch.Tensor, weight: torch.Tensor, cell: int) -> tuple[torch.Tensor, ...]:
        passes.append(image.shape)
        return as_cells(image, weight, cell)

    as_cells = cpu_training_pass.as_cells
    monkeypatch.setattr(cpu_training_pass, "as_cells", counted)
    assert training_logits(network, boxes).shape == (4,)
    assert len(passes) == 1
    assert training_logits(network.to("meta"), boxes.to("meta")).shape == (4,)
    assert len(passes) == 1


def test_gpu_with_too_little_memory_is_said_in_a_line_and_a_cpu_error_as_it_is() -> None:
    class Exhausted(PaperLearner):
        def __init__(self) -> None:
            """Nothing to train with."""

        def learn_batches(self) -> Iterator[float]:
            raise RuntimeError("CUDA out of memory. Tried to allocate 12 GiB")

    with pytest.raises(InputError, match="too little memory on cuda to train there: let the cpu"):
        list(losses_of_epoch(Exhausted(), torch.device("cuda")))
    with pytest.raises(RuntimeError, match="12 GiB"):
        list(losses_of_epoch(Exhausted(), torch.device("cpu")))
