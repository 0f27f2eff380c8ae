"""Jobs in other threads, and what is told of them: the one door to threads."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Generator, Iterator
from functools import partial
from time import perf_counter
from typing import Any

from napari.utils.notifications import notification_manager, show_error
from qtpy.QtCore import QThreadPool
from superqt.utils import create_worker

from napari_deepem.controllers.software_opengl import keep_triton_out
from napari_deepem.core.errors import InputError

Job = Callable[[], Generator[Any, None, Any]]
THREADS = 12  # training must not keep labels from being saved, or a picture from opening


class JobFailed(Exception):
    """The error of a job that broke down; its cause is the original error."""


class RunningJob:
    """The handle of a job in another thread; see `run`."""

    def __init__(self, owner: object = None) -> None:
        self.owner = owner
        self.cancelled = False
        self.tell_cancelled: Callable[[], object] = lambda: None
        self.ended = threading.Event()  # in its own thread
        self.deliver: Callable[[], object] = lambda: None  # the result, if there is one

    def wait(self, seconds: float) -> None:
        """Wait for the end, at most so long, and have the result delivered at once.

        For the main thread that is about to leave its loop of events, which would deliver it.
        """
        if self.ended.wait(seconds):
            self.deliver()

    def cancel(self) -> None:
        """Stop the job for its owner at once, and its thread at the next step.

        A step may take seconds. Nothing of the job is delivered any more, so that another one may
        begin: what two of them write at a time has to bear that.
        """
        if self in _RUNS and not self.cancelled:
            self.cancelled = True
            self.tell_cancelled()

    def drop(self) -> None:
        """Stop the job at its next step, and tell nobody: who would hear of it is gone."""
        self.cancelled = True


_RUNS: set[RunningJob] = set()  # those whose end has not been delivered


def run(
    job: Job,
    *,
    on_progress: Callable[[Any], object],
    on_result: Callable[[Any], object],
    on_failed: Callable[[Exception], object],
    on_cancelled: Callable[[], object] = lambda: None,
    is_wanted: Callable[[], bool] = lambda: True,
    owner: object = None,
) -> RunningJob:
    """The handle of a job that runs in another thread from now on.

    What it yields and returns is delivered on the main thread.

    Parameters
    ----------
    job : callable
        Makes the generator that does the work; called in the other thread.
    on_progress, on_result : callable
        Get each value that the generator yields, and the one that it returns.
    on_failed : callable
        Gets the InputError of the job, or a `JobFailed` for any other error.
    on_cancelled : callable
        Called by `RunningJob.cancel`, or when the result is not wanted any more.
    is_wanted : callable
        Asked before the result is delivered: False where its inputs have changed since.
    owner : object
        Whose jobs it is one of, see `drop_all`.
    """
    keep_triton_out()
    handle = RunningJob(owner)
    handle.tell_cancelled = on_cancelled
    _RUNS.add(handle)
    pool = QThreadPool.globalInstance()
    if pool is not None and pool.maxThreadCount() < THREADS:
        pool.setMaxThreadCount(THREADS)

    def steps() -> Generator[Any, None, Any]:
        try:
            stream = job()
            while not handle.cancelled:
                try:
                    progress = next(stream)
                except StopIteration as end:
                    handle.deliver = partial(deliver_result, end.value)
                    return end.value
                yield progress
            stream.close()
        except InputError:
            raise
        except Exception as error:
            # superqt swallows a RuntimeError, which is what torch raises for all that goes wrong
            raise JobFailed(f"{type(error).__name__}: {error}") from error
        finally:
            handle.ended.set()

    def deliver_progress(progress: Any) -> None:
        if not handle.cancelled and handle in _RUNS:
            on_progress(progress)

    def deliver_result(result: Any) -> None:
        if handle not in _RUNS:  # it was waited for
            return
        _RUNS.discard(handle)
        if handle.cancelled:
            return
        if is_wanted():
            on_result(result)
        else:
            on_cancelled()

    def deliver_error(error: Exception) -> None:
        _RUNS.discard(handle)
        if not handle.cancelled:
            on_failed(error)

    create_worker(
        steps,
        _connect={
            "yielded": deliver_progress,
            "returned": deliver_result,
            "errored": deliver_error,
        },
    )
    return handle


def drop_all(owner: object) -> None:
    """Stop all jobs of an owner that is going away."""
    for handle in [handle for handle in _RUNS if handle.owner is owner]:
        handle.drop()


@atexit.register
def _drop_and_wait() -> None:
    """Stop all jobs where a program ends with no window closed: Qt must not go before them."""
    for handle in list(_RUNS):
        handle.drop()
    pool = QThreadPool.globalInstance()
    if _RUNS and pool is not None:
        pool.waitForDone()


def report(error: Exception) -> str:
    """The line on what went wrong, shown as a napari notification too.

    An InputError is the user's to mend: one line. Anything else comes with its traceback.
    """
    if isinstance(error, InputError):
        show_error(str(error))
        return str(error)
    cause = error.__cause__ or error
    notification_manager.receive_error(type(cause), cause, cause.__traceback__)
    return f"Something went wrong: {error}"


def work_on(steps: Iterator[None], milliseconds: float) -> bool:
    """Whether there may be more steps, after some were taken on this thread for so long."""
    end = perf_counter() + milliseconds / 1000
    return any(perf_counter() > end for _ in steps)
