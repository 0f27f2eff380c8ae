"""Small jobs that wait until a widget is seen and nothing more is asked for."""

from collections.abc import Iterator
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_deepem.controllers.debounced_job import DebouncedJob


def test_small_jobs_wait_until_they_are_seen_and_only_the_last_one_counts(qtbot) -> None:
    widget, asked, results = QWidget(), [], []
    qtbot.addWidget(widget)

    def job_of() -> Any:
        asked.append(len(asked))
        number = asked[-1]

        def job() -> Iterator[None]:
            yield
            return number

        return job

    debounced = DebouncedJob(widget, job_of, results.append, delay_ms=1)
    debounced.ask()
    qtbot.wait(50)
    assert asked == []
    widget.show()
    qtbot.waitUntil(lambda: results == [0])
    for _ in range(5):
        debounced.ask()
    qtbot.waitUntil(lambda: results == [0, 1])
