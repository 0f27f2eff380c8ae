"""Same seed, same machine: same weights. Another machine: the same scores within 1e-4."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch

from blobs import BOX_PX, blob_micrograph, blob_sample
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.training.recipes import DEEPEM2017, FROM_GENERAL, MODERN
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train_epochs
from napari_deepem.core.types import Float32Array
from napari_deepem.io.models import load_model, save_model
from networks import lively_network

TOLERANCE = 1e-4
QUICK = {  # both recipes, and the one of trainings from the general network, cut short
    "general": replace(FROM_GENERAL, epochs=1, batches_per_epoch=2, batch_size=16),
    "modern": replace(MODERN, epochs=1, batches_per_epoch=6),
    "deepem2017": replace(DEEPEM2017, epochs=2),
}
TRAIN_AND_SAVE = """
import sys
from core.test_reproducibility import train_afresh
from napari_deepem.io.models import save_model
for path in sys.argv[1:]:
    save_model(train_afresh(path.split(".")[-2]), path)
"""
SCORE_AND_SAVE = """
import sys
import numpy as np
from core.test_reproducibility import scores_of
from napari_deepem.io.models import load_model
for path in sys.argv[1:]:
    np.save(path, scores_of(load_model(path)))
"""
OLD_PROCESSOR = {  # what torch, oneDNN, MKL and NumPy do where there is no AVX
    "ATEN_CPU_CAPABILITY": "default",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
}


def train_afresh(recipe: str) -> Model:
    start = "general" if recipe == "general" else "chance"
    own = QUICK[recipe]
    settings = TrainingSettings(BOX_PX, recipe_name=own.name, seed=3, own_recipe=own, start=start)
    return finish(train_epochs(*blob_sample(1, 2), settings))


trained = cache(train_afresh)


@cache
def models() -> dict[str, Model]:
    """A trained model of each recipe, and one of the paper's whose scores differ as if trained."""
    by_recipe = {recipe: trained(recipe) for recipe in QUICK}
    lively = lively_network(Architecture.for_box(BOX_PX))
    return by_recipe | {"lively": replace(trained("deepem2017"), network=lively)}


MODELS = pytest.mark.parametrize("name", [*QUICK, "lively"])


def scores_of(model: Model) -> Float32Array:
    return score(blob_micrograph(9)[0], model).scores


def assert_same_weights(found: Model, expected: Model) -> None:
    theirs = expected.network.state_dict()
    for name, values in found.network.state_dict().items():
        assert torch.equal(values, theirs[name]), name
    assert (found.threshold, found.std_range) == (expected.threshold, expected.std_range)
    assert found.summary == expected.summary


def run_elsewhere(code: str, *paths: Path, **environment: str) -> None:
    """Run Python code in another process, in the folder of the tests."""
    command = [sys.executable, "-c", code, *map(str, paths)]
    folder = Path(__file__).parents[1]
    subprocess.run(command, check=True, cwd=folder, env=os.environ | environment)


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def test_another_process_trains_the_same_weights_and_saving_keeps_them(tmp_path: Path) -> None:
    paths = [tmp_path / f"m.{recipe}.safetensors" for recipe in QUICK]
    run_elsewhere(TRAIN_AND_SAVE, *paths, PYTHONHASHSEED="7")
    for path, recipe in zip(paths, QUICK, strict=True):
        assert_same_weights(load_model(path), trained(recipe))


@pytest.mark.parametrize("recipe", QUICK)
def test_two_threads_train_the_same_weights_every_time(recipe: str) -> None:
    with threads(2):
        assert_same_weights(train_afresh(recipe), train_afresh(recipe))


def global_states() -> list[bytes]:
    """The states of Python's, NumPy's and torch's global random numbers."""
    return [
        repr(random.getstate()).encode(),
        repr(np.random.get_state()).encode(),  # noqa: NPY002
        torch.random.get_rng_state().numpy().tobytes(),
    ]


@pytest.mark.parametrize("recipe", QUICK)
def test_global_random_states_are_neither_read_nor_moved(recipe: str, tmp_path: Path) -> None:
    random.seed(11)
    np.random.seed(11)  # noqa: NPY002
    torch.manual_seed(11)
    before = global_states()
    model = train_afresh(recipe)
    assert_same_weights(model, trained(recipe))
    scores_of(load_model(save_model(model, tmp_path / "m.safetensors")))
    assert global_states() == before


@MODELS
@pytest.mark.parametrize(
    "machine",
    [partial(threads, 3), partial(torch.backends.mkldnn.flags, enabled=False)],
    ids=["three threads", "without oneDNN"],
)
@pytest.mark.filterwarnings("ignore:TF32 acceleration:UserWarning")  # of no CPU
def test_scores_are_the_same_with_other_threads_and_kernels(
    name: str, machine: Callable[[], AbstractContextManager[object]]
) -> None:
    expected = scores_of(models()[name])
    with machine():
        found = scores_of(models()[name])
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@MODELS
def test_scores_are_the_same_with_channels_last(name: str) -> None:
    model = models()[name]
    network = deepcopy(model.network).to(memory_format=torch.channels_last)
    found = scores_of(replace(model, network=network))
    np.testing.assert_allclose(found, scores_of(model), rtol=0, atol=TOLERANCE)


class DoubleNetwork(Network):
    """A network that is given float32 images and computes in float64."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return super().forward(image.double())


@MODELS
def test_scores_are_the_same_in_float64(name: str) -> None:
    model = models()[name]
    double = DoubleNetwork(model.network.architecture).double().eval()
    double.load_state_dict(model.network.state_dict())
    found = scores_of(replace(model, network=double))
    np.testing.assert_allclose(found, scores_of(model), rtol=0, atol=TOLERANCE)


def test_scores_are_the_same_on_an_old_processor(tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in models()}
    for name, path in paths.items():
        save_model(models()[name], path)
    files = [path.with_name(path.name + ".safetensors") for path in paths.values()]
    run_elsewhere(SCORE_AND_SAVE, *files, **OLD_PROCESSOR)
    for name, file in zip(paths, files, strict=True):
        found = np.load(f"{file}.npy")
        np.testing.assert_allclose(found, scores_of(models()[name]), rtol=0, atol=TOLERANCE)
