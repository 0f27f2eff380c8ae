from collections.abc import Iterator

import pytest
from npe2 import PluginManager
from superqt.utils import WorkerBase


@pytest.fixture(autouse=True)
def _no_job_outlives_its_test() -> Iterator[None]:
    yield
    WorkerBase.await_workers(20_000)


@pytest.fixture
def _plugins() -> None:
    """Let napari know what is installed."""
    PluginManager.instance().discover()
