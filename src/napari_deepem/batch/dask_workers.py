"""Dask's processes that pick, here or on a cluster: lost ones are started anew.

A scheduler of ours for workers here listens to this machine alone; one for a cluster's jobs takes
nobody but these, by certificates made for the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, cast

import dask
from distributed import (
    Client,
    Future,
    KilledWorker,
    Nanny,
    Scheduler,
    SpecCluster,
    WorkerPlugin,
    as_completed,
    get_worker,
)
from distributed.client import FutureCancelledError
from distributed.comm import CommClosedError

from napari_deepem.batch.picker import MicrographDone, Picker
from napari_deepem.batch.slurm import slurm_cluster
from napari_deepem.batch.workforce import Workforce
from napari_deepem.core.errors import InputError
from napari_deepem.io.images import micrograph_name

PLUGIN = "napari-deepem"
AHEAD = 2  # micrographs that are handed out for each one that can be worked on
THREADS = 2  # of a worker: one reads a micrograph while the other one scores
KILLS = 3  # workers that a micrograph may cost before it counts as failed
ANSWER_S = 20  # within which a scheduler answers
SETTINGS = {
    "distributed.scheduler.allowed-failures": KILLS - 1,
    "distributed.comm.timeouts.connect": f"{ANSWER_S}s",
    "distributed.worker.multiprocessing-method": "spawn",
}


class PickerPlugin(WorkerPlugin):
    """The picker of a worker: it travels once, and again to a worker that is started anew."""

    name = PLUGIN

    def __init__(self, picker: Picker) -> None:
        self.picker = picker
        self._scoring: Lock | None = None

    def setup(self, worker: object) -> None:
        """Score by one thread: others do so beside, and what is written has the same bytes."""
        import torch

        torch.set_num_threads(1)
        self._scoring = Lock()

    def pick(self, path: Path, check_negative: bool) -> MicrographDone:
        """What came of a micrograph, which is read while another one is scored."""
        assert self._scoring is not None
        source_of = _read(self.picker, path)
        with self._scoring:
            return self.picker.pick(path, source_of, check_negative)


def _read(picker: Picker, path: Path) -> Callable[[], Any]:
    """What gives the source of a micrograph, which is read now, or raises why it can't be."""
    try:
        source = picker.source_of(path)
    except InputError as error:
        refusal = error

        def refuse() -> Any:
            raise refusal

        return refuse
    return lambda: source


def _pick(path: Path, check_negative: bool) -> MicrographDone:
    """What a worker does with a micrograph."""
    plugin = cast(PickerPlugin, get_worker().plugins[PLUGIN])
    return plugin.pick(path, check_negative)


def pick_by(
    workforce: Workforce, tasks: Iterable[tuple[Path, bool]], picker: Picker
) -> Generator[MicrographDone, None, None]:
    """A stream of what came of micrographs, in the order in which they are over.

    Parameters
    ----------
    workforce
    tasks
        Paths, and whether to score the negative too, see `Picker.pick`. Only so many are handed out
        at a time as keep the workers busy, so that memory does not grow with their number.
    picker
        All workers must see its folder, and the micrographs, under the same paths.

    Raises
    ------
    InputError
        The cluster can't be reached, or is gone.
    """
    if workforce.scheduler is not None or workforce.slurm_jobs:  # their workers start elsewhere
        output = replace(picker.output, folder=picker.output.folder.absolute())
        picker = replace(picker, output=output)
        tasks = ((path.absolute(), check_negative) for path, check_negative in tasks)
    with _client_of(workforce) as client:
        client.register_plugin(PickerPlugin(picker))
        yield from _handed_out(client, iter(tasks))


def _handed_out(
    client: Client, tasks: Iterator[tuple[Path, bool]]
) -> Generator[MicrographDone, None, None]:
    running: dict[Future, Path] = {}
    completed = as_completed(loop=client.loop)

    def hand_out() -> None:
        n_threads = max(1, sum(client.nthreads().values()))
        for path, check_negative in islice(tasks, max(0, AHEAD * n_threads - len(running))):
            future = client.submit(_pick, path, check_negative, pure=False)
            running[future] = path
            completed.add(future)

    hand_out()
    for future in completed:
        yield _done_of(future, running.pop(future))
        hand_out()


def _done_of(future: Future, path: Path) -> MicrographDone:
    try:
        done: MicrographDone = future.result()
    except KilledWorker:
        remark = (
            f"{path}: {KILLS} workers that picked it were lost, most likely for lack of memory: "
            "pick it again by fewer workers"
        )
        return MicrographDone(micrograph_name(path), 0.0, remark=remark)
    except (FutureCancelledError, CommClosedError) as error:
        raise InputError(
            "the cluster is gone; what was picked is kept: give the same command again"
        ) from error
    return done


@contextmanager
def _client_of(workforce: Workforce) -> Iterator[Client]:
    for name in ("distributed", "tornado", "asyncio"):  # they tell of every worker that is lost
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with dask.config.set(SETTINGS):
        if workforce.scheduler is not None:
            with _client_at(workforce.scheduler) as client:
                yield client
            return
        slurm = workforce.slurm_jobs > 0
        cluster = slurm_cluster(workforce) if slurm else _local_cluster(workforce.workers)
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client


def _client_at(address: str) -> Client:
    try:
        return Client(address, timeout=ANSWER_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address}: start one, or mend the address"
        ) from error


def _local_cluster(count: int) -> SpecCluster:
    """So many workers, each with a GPU of its own where there are any."""
    import torch

    gpus = torch.cuda.device_count()
    options = {"host": "127.0.0.1", "nthreads": THREADS, "memory_limit": 0, "silence_logs": 50}
    specification = {}
    for index in range(count):
        environment = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        if gpus:
            environment["CUDA_VISIBLE_DEVICES"] = str(index % gpus)
        specification[index] = {"cls": Nanny, "options": {**options, "env": environment}}
    scheduler = {"host": "127.0.0.1", "port": 0, "dashboard": False}
    return SpecCluster(
        workers=specification,
        scheduler={"cls": Scheduler, "options": scheduler},
        silence_logs=logging.CRITICAL,
    )
