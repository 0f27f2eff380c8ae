"""What `import napari_deepem` offers."""

from __future__ import annotations

import doctest
import functools
import inspect
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import napari_deepem
from napari_deepem.core import simulation
from napari_deepem.core.training import train as training

PROMISED = {
    "evaluate",
    "find_candidates",
    "load_model",
    "read_micrograph",
    "save_model",
    "score",
    "select_picks",
    "train",
}
PUBLIC = [name for name in napari_deepem.__all__ if name != "__version__"]


def test_promised_names_are_public() -> None:
    assert set(PUBLIC) >= PROMISED
    assert set(napari_deepem.__all__) <= set(dir(napari_deepem))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        napari_deepem.no_such_name  # noqa: B018 - looking it up is the test


def remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which works out what it returns once for the same arguments."""
    results: dict[bytes, Any] = {}

    @functools.wraps(function)
    def remembered(*arguments: Any, **named: Any) -> Any:
        key = pickle.dumps(inspect.signature(function).bind(*arguments, **named).arguments)
        if key not in results:
            results[key] = function(*arguments, **named)
        return results[key]

    return remembered


@pytest.fixture(scope="module")
def _beginnings_are_remembered() -> Iterator[None]:
    """Half the examples simulate the same micrographs and train the same model on them first."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((simulation, "simulate_sample"), (training, "train")):
            patch.setattr(module, name, remembering(getattr(module, name)))
        yield


@pytest.mark.usefixtures("_beginnings_are_remembered")
@pytest.mark.parametrize("name", PUBLIC)
def test_example_of_public_name_runs(
    name: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    documented = getattr(napari_deepem, name)
    assert inspect.getdoc(documented)
    (found,) = doctest.DocTestFinder(recurse=False).find(documented, name, globs={})
    assert found.examples, f"{name} has no example in its docstring"
    monkeypatch.chdir(tmp_path_factory.mktemp(name))
    failed, _ = doctest.DocTestRunner().run(found)
    assert failed == 0
