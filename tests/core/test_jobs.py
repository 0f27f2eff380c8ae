from __future__ import annotations

from collections.abc import Generator

import pytest

from napari_deepem.core.jobs import finish


def countdown(start: int) -> Generator[int, None, str]:
    while start:
        yield start
        start -= 1
    return "lift-off"


def test_finished_job_gives_its_result_and_all_its_progress() -> None:
    seen: list[int] = []
    assert finish(countdown(3), seen.append) == "lift-off"
    assert seen == [3, 2, 1]
    assert finish(countdown(3)) == "lift-off"
    assert finish(countdown(0), seen.append) == "lift-off"


def test_error_of_a_job_reaches_whoever_runs_it() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise ValueError("out of fuel")

    with pytest.raises(ValueError, match="out of fuel"):
        finish(failing())
