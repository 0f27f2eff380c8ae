"""How Dask's workers are started, here or as jobs: told of what goes wrong, and deaf to Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from distributed import SpecCluster


def start_workers(cluster: SpecCluster, specification: dict[Any, Any]) -> None:
    """Start these workers; `SpecCluster.scale` would hide what goes wrong."""

    async def start() -> None:
        await cluster

    cluster.worker_spec.update(specification)
    cluster.sync(start)


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """A block whose threads, and the processes that these start, hear nothing of Ctrl-C.

    A terminal sends it to all of them: workers end as their cluster is closed, and say nothing.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # its own start, in Python 3.11, would end the deafness
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
