"""Dask's workers, which pick side by side: one that is lost is started anew, and its work too."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, cast

from distributed import Client, Future, KilledWorker, WorkerPlugin, get_worker, wait
from distributed.client import FutureCancelledError
from distributed.comm import CommClosedError

from napari_deepem import __version__
from napari_deepem.batch.dask_clusters import client_of
from napari_deepem.batch.picker import MicrographDone, Picker
from napari_deepem.batch.workforce import Workforce
from napari_deepem.core.errors import InputError

PLUGIN = "napari-deepem"
AHEAD = 2  # micrographs that are handed out for each one that can be worked on
LOOK_S = 5.0  # between two looks at the workers
LOST = (
    "every worker that picked it was lost, most likely for lack of memory: pick it by fewer "
    "workers, or where there is more"
)

Task = tuple[Path, bool]


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
    workforce: Workforce, tasks: Iterable[Task], picker: Picker
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
    with client_of(workforce) as (client, keep_up), _told_in_a_line():
        _check_versions(client)
        client.register_plugin(PickerPlugin(picker))
        suspects = []
        for task, done in _handed_out(client, keep_up, iter(tasks)):
            if done is None:
                suspects.append(task)
            else:
                yield done
        for suspect in suspects:  # alone: so far it may have been the fault of those beside it
            for (path, _), done in _handed_out(client, keep_up, iter([suspect])):
                yield done or picker.failed(path, f"{path}: {LOST}")


def _check_versions(client: Client) -> None:
    """Raise InputError where a worker has no napari-deepem, or another version of it."""
    versions = client.run(version, "napari-deepem", on_error="return")
    for address, its_version in versions.items():
        if its_version != __version__:
            theirs = f"napari-deepem {its_version}" if isinstance(its_version, str) else "none"
            raise InputError(
                f"worker {address} has {theirs}, here is {__version__}: install the same "
                "napari-deepem for all"
            )


def _handed_out(
    client: Client, keep_up: Callable[[], None], tasks: Iterator[Task]
) -> Iterator[tuple[Task, MicrographDone | None]]:
    """What came of micrographs; None of one that was there each time workers were lost."""
    running: dict[Future, Task] = {}
    next_look = monotonic()
    while True:
        n_threads = max(1, sum(client.nthreads().values()))
        for task in islice(tasks, max(0, AHEAD * n_threads - len(running))):
            running[client.submit(_pick, *task, pure=False)] = task
        if not running:
            return
        if monotonic() >= next_look:
            keep_up()
            next_look = monotonic() + LOOK_S
        with client.as_current():
            over = _over(running)
        for future in over:
            task = running.pop(future)
            try:
                yield task, future.result()
            except KilledWorker:
                yield task, None


def _over(running: Iterable[Future]) -> set[Future]:
    """The futures that are over, for the first of which it is waited some time."""
    over: set[Future] = set()
    with suppress(TimeoutError):
        over = wait(list(running), LOOK_S, return_when="FIRST_COMPLETED").done
    return over


@contextmanager
def _told_in_a_line() -> Iterator[None]:
    """A block in which it is an InputError if a cluster is gone, or lacks this program."""
    try:
        yield
    except (FutureCancelledError, CommClosedError) as error:
        raise InputError(
            "the cluster is gone; what was picked is kept: give the same command again"
        ) from error
    except ModuleNotFoundError as error:
        raise InputError(
            f"the workers have no {error.name}: install this version of napari-deepem for them"
        ) from error
