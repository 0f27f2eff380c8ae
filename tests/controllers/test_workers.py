import threading
from types import SimpleNamespace

import pytest
from napari.utils.notifications import ErrorNotification, notification_manager
from superqt.utils._qthreading import WorkerBase

from napari_deepem.controllers import workers
from napari_deepem.controllers.workers import JobFailed, report, run
from napari_deepem.core.errors import InputError
from patience import PATIENCE_MS, PATIENCE_S


@pytest.fixture
def heard() -> SimpleNamespace:
    """What a job delivered, and on which threads."""
    return SimpleNamespace(progress=[], results=[], errors=[], cancelled=[], threads=set())


def start(job, heard: SimpleNamespace, **options):
    def into(values: list):
        def hear(value=None) -> None:
            values.append(value)
            heard.threads.add(threading.current_thread())

        return hear

    return run(
        job,
        on_progress=into(heard.progress),
        on_result=into(heard.results),
        on_failed=into(heard.errors),
        on_cancelled=into(heard.cancelled),
        **options,
    )


def test_job_runs_elsewhere_and_delivers_on_the_main_thread(qtbot, heard) -> None:
    threads = []

    def job():
        threads.append(threading.current_thread())
        yield 1
        yield 2
        return "done"

    start(job, heard)
    qtbot.waitUntil(lambda: len(heard.results) > 0)
    assert (heard.progress, heard.results, heard.errors) == ([1, 2], ["done"], [])
    assert heard.threads == {threading.main_thread()}
    assert threads[0] is not threading.main_thread()


@pytest.mark.parametrize("when", ["making the job", "at a step"])
def test_runtime_error_is_not_swallowed(qtbot, heard, when: str) -> None:
    def broken_steps():
        yield 1
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    def broken():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    start(broken_steps if when == "at a step" else broken, heard)
    qtbot.waitUntil(lambda: len(heard.errors) > 0)
    (error,) = heard.errors
    assert isinstance(error, JobFailed)
    assert "cannot be multiplied" in str(error)
    assert isinstance(error.__cause__, RuntimeError)
    assert heard.results == []


def test_input_error_arrives_as_it_is(qtbot, heard) -> None:
    def job():
        raise InputError("mark some particles first")
        yield

    start(job, heard)
    qtbot.waitUntil(lambda: len(heard.errors) > 0)
    assert type(heard.errors[0]) is InputError


@pytest.mark.parametrize("then", ["goes on", "ends", "fails"])
def test_cancelled_job_is_over_at_once_and_delivers_nothing_more(qtbot, heard, then: str) -> None:
    go_on = threading.Event()

    def job():
        yield 1
        assert go_on.wait(PATIENCE_S)
        if then == "fails":
            raise InputError("too late")
        if then == "goes on":
            yield 2
            raise AssertionError("it was cancelled")
        return "done"

    handle = start(job, heard)
    qtbot.waitUntil(lambda: len(heard.progress) > 0)
    handle.cancel()
    handle.cancel()
    assert not handle.ended.is_set()
    assert len(heard.cancelled) == 1
    start(lambda: iter([5]), heard)  # another one may begin
    qtbot.waitUntil(lambda: heard.progress == [1, 5])
    go_on.set()
    handle.wait(PATIENCE_S)
    WorkerBase.await_workers(PATIENCE_MS)
    qtbot.waitUntil(lambda: handle not in workers._RUNS and heard.results == [None])
    assert (heard.progress, heard.results, heard.errors) == ([1, 5], [None], [])
    assert len(heard.cancelled) == 1


def test_dropped_job_tells_nobody(qtbot, heard) -> None:
    go_on = threading.Event()

    def job():
        yield 1
        assert go_on.wait(PATIENCE_S)

    handle = start(job, heard)
    qtbot.waitUntil(lambda: len(heard.progress) > 0)
    handle.drop()
    go_on.set()
    qtbot.waitUntil(lambda: handle not in workers._RUNS)
    assert (heard.results, heard.errors, heard.cancelled) == ([], [], [])


def test_result_whose_inputs_changed_is_dropped(qtbot, heard) -> None:
    def job():
        yield 1
        return "stale"

    start(job, heard, is_wanted=lambda: False)
    qtbot.waitUntil(lambda: len(heard.cancelled) > 0)
    assert heard.results == []


def test_input_error_is_reported_as_one_line() -> None:
    notification_manager.records.clear()
    assert report(InputError("shrink the box")) == "shrink the box"
    (record,) = notification_manager.records
    assert record.message == "shrink the box"
    assert not isinstance(record, ErrorNotification)


def test_other_errors_are_reported_with_their_traceback() -> None:
    error = JobFailed("RuntimeError: out of memory")
    error.__cause__ = RuntimeError("out of memory")
    notification_manager.records.clear()
    assert "out of memory" in report(error)
    (record,) = notification_manager.records
    assert isinstance(record, ErrorNotification)
    assert record.exception is error.__cause__
