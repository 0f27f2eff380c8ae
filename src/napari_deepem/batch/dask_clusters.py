"""Where Dask's processes come from: this machine, a scheduler that is running, or jobs of SLURM.

A scheduler of ours, and its workers, take nobody but each other and this program, by certificates
made for the run: whoever else reaches their ports, on this machine too, is refused.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from time import monotonic
from typing import Any

import dask
from distributed import Client, Nanny, Scheduler, Security, SpecCluster

from napari_deepem.batch.worker_start import deaf_to_interrupts, start_workers
from napari_deepem.batch.workforce import Workforce
from napari_deepem.core.errors import InputError

THREADS = 2  # of a worker: one reads a micrograph while the other one scores
KILLS = 3  # workers that a micrograph may cost before it is tried alone
ANSWER_S = 20  # within which a scheduler answers
ALONE_S = 120  # without a worker: a new one is there sooner
SETTINGS = {
    "distributed.scheduler.allowed-failures": KILLS - 1,
    "distributed.comm.timeouts.connect": f"{ANSWER_S}s",
    "distributed.worker.multiprocessing-method": "spawn",
    # Without MALLOC_TRIM_THRESHOLD_, which Dask (2026.8) sets: it makes the C library give every
    # array back to the system and take it anew, page by page.
    "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    # Their servers of web pages ask nobody who he is: they tell nothing.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


@contextmanager
def client_of(workforce: Workforce) -> Iterator[tuple[Client, Callable[[], None]]]:
    """A client of a workforce's workers, and what is to be called now and then, to keep them up.

    Raises
    ------
    InputError
        There are no such workers. Later, too: all have gone, and no new ones come.
    """
    for name in ("distributed", "tornado", "asyncio"):  # they tell of every worker that is lost
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with dask.config.set(SETTINGS):
        if workforce.scheduler is not None:
            with _client_at(workforce.scheduler) as client:
                yield client, _Patience(client, f"at {workforce.scheduler}: start some").check
        elif workforce.slurm_jobs:
            from napari_deepem.batch.slurm import Jobs

            with Jobs(workforce) as jobs, Client(jobs.cluster, set_as_default=False) as client:
                yield client, jobs.keep_up
        else:
            with (
                _local_cluster() as cluster,
                Client(cluster, set_as_default=False) as client,
                _killed_if_stopped(cluster),
            ):
                start_workers(cluster, _worker_specification(workforce.workers, cluster.security))
                patience = _Patience(client, "any more: is there memory for them?")
                yield client, patience.check


@contextmanager
def _killed_if_stopped(cluster: SpecCluster) -> Iterator[None]:
    """A block whose failure ends the workers at once, whatever they are at.

    They would finish what they score, for longer than a stopped program has. None of their files is
    half-written, and what was finished stays.
    """
    try:
        yield
    except BaseException:
        for nanny in cluster.workers.values():
            nanny.auto_restart = False
        for process in active_children():  # those that are just starting, too
            if "Dask Worker" in process.name:
                process.kill()
        raise


class _Patience:
    """How long it is waited for workers where there are none."""

    def __init__(self, client: Client, place: str) -> None:
        self._client, self._place = client, place
        self._last_there = monotonic()

    def check(self) -> None:
        """Raise InputError if there has been no worker for some time."""
        if self._client.nthreads():
            self._last_there = monotonic()
        elif monotonic() - self._last_there > ALONE_S:
            raise InputError(f"there are no workers {self._place}; what was picked is kept")


def _client_at(address: str) -> Client:
    try:
        return Client(address, timeout=ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # of a TLS address without certificates
        raise InputError(
            f"no Dask scheduler answers at {address}: start one, or mend the address"
        ) from error


def _local_cluster() -> SpecCluster:
    """A scheduler of this machine's, for workers here."""
    # Python would tell of what workers held that are killed when a run is stopped.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    security = Security.temporary()
    scheduler = {
        **_ours(security),
        "port": 0,
        "dashboard": False,
        "dashboard_address": "127.0.0.1:0",
    }
    with deaf_to_interrupts():
        return SpecCluster(
            scheduler={"cls": Scheduler, "options": scheduler},
            security=security,
            silence_logs=logging.CRITICAL,
        )


def _worker_specification(count: int, security: Security) -> dict[int, Any]:
    """So many workers, each with a GPU of its own where there are any."""
    import torch

    gpus = torch.cuda.device_count()
    options = {**_ours(security), "nthreads": THREADS, "memory_limit": 0, "silence_logs": 50}
    specification = {}
    for index in range(count):
        environment = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        if gpus:
            environment["CUDA_VISIBLE_DEVICES"] = str(index % gpus)
        specification[index] = {"cls": Nanny, "options": {**options, "env": environment}}
    return specification


def _ours(security: Security) -> dict[str, Any]:
    return {"host": "127.0.0.1", "protocol": "tls://", "security": security}
