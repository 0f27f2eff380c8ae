from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.dense_scoring import DenseNetwork
from napari_deepem.core.network.devices import chosen_device, is_out_of_memory
from napari_deepem.core.picking import scoring
from napari_deepem.core.picking.scoring import TileScorer, score_prepared
from networks import lively_network

NETWORK = lively_network(Architecture.for_box(24))
IMAGE = np.random.default_rng(0).normal(size=(90, 130)).astype(np.float32)
GPUS = [
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")),
    pytest.param(
        "mps", marks=pytest.mark.skipif(not torch.backends.mps.is_available(), reason="no MPS")
    ),
]


@pytest.mark.parametrize("name", GPUS)
@pytest.mark.parametrize("step_px", [8, 3])
def test_gpu_scores_as_the_cpu_does(name: str, step_px: int) -> None:
    on_gpu = finish(score_prepared(IMAGE, NETWORK, step_px, torch.device(name))).scores
    on_cpu = finish(score_prepared(IMAGE, NETWORK, step_px)).scores
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=0, atol=1e-4)


def test_cpu_can_always_be_chosen() -> None:
    assert chosen_device("cpu") == torch.device("cpu")


def test_unknown_device_is_refused() -> None:
    with pytest.raises(InputError, match="'tpu': give one of auto, cpu, cuda, mps"):
        chosen_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
def test_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="'cuda' is not available to torch here: use cpu"):
        chosen_device("cuda")


@pytest.mark.parametrize("message", ["CUDA out of memory.", "MPS backend out of memory (MPS ...)"])
@pytest.mark.parametrize("step_px", [1, 5, 8, 30])
def test_with_little_memory_smaller_tiles_give_the_same_scores(
    monkeypatch: pytest.MonkeyPatch, message: str, step_px: int
) -> None:
    held = limit_memory(monkeypatch, pixels=2500, message=message)
    tile = IMAGE[:88, :124]
    expected = DenseNetwork(NETWORK, 124).scores(
        torch.from_numpy(tile), step_px, ((88 - 24) // step_px + 1, (124 - 24) // step_px + 1)
    )
    evaluate = TileScorer(NETWORK, step_px, torch.device("meta"), 100)
    found = evaluate(tile)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert max(held) <= 2500
    assert len(held) > 1


def test_with_no_memory_at_all_the_cpu_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_memory(monkeypatch, pixels=0, message="CUDA out of memory.")
    evaluate = TileScorer(NETWORK, 8, torch.device("meta"), 12)
    with pytest.warns(RuntimeWarning, match="too little memory on meta: the CPU scores instead"):
        found = evaluate(IMAGE)
    expected = TileScorer(NETWORK, 8, torch.device("cpu"), 12)(IMAGE)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_other_errors_of_a_device_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Tensor:
        raise RuntimeError("device-side assert triggered")

    monkeypatch.setattr(DenseNetwork, "scores", fail)
    with pytest.raises(RuntimeError, match="device-side assert"):
        TileScorer(NETWORK, 8, torch.device("meta"), 12)(IMAGE)
    assert not is_out_of_memory(RuntimeError("device-side assert triggered"))


def limit_memory(monkeypatch: pytest.MonkeyPatch, pixels: int, message: str) -> list[int]:
    """Give torch's `meta` device, which computes nothing, the CPU's scores and little memory.

    Returns the sizes of the images that it had memory for.
    """
    held: list[int] = []
    on_cpu = DenseNetwork.scores

    class Faked(DenseNetwork):
        def __init__(self, _: object, image_px: int, device: torch.device, rotations: int) -> None:
            super().__init__(NETWORK, image_px, rotations=rotations)
            self.is_meta = device.type == "meta"

        def scores(self, image: Tensor, step_px: int, counts: tuple[int, int]) -> Tensor:
            if self.is_meta and image.numel() > pixels:
                raise RuntimeError(message)
            held.append(image.numel())
            return on_cpu(self, image, step_px, counts)

    monkeypatch.setattr(scoring, "DenseNetwork", Faked)
    monkeypatch.setattr(Tensor, "to", lambda self, *_: self)
    return held
