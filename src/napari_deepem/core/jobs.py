"""Long work is a generator: it yields its progress and returns its result.

Whoever runs one decides what to do with the progress and may stop by asking no more.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

Progress = TypeVar("Progress")
Result = TypeVar("Result")


def finish(
    job: Generator[Progress, None, Result], on_progress: Callable[[Progress], object] | None = None
) -> Result:
    """Run a job to its end and return its result."""
    while True:
        try:
            progress = next(job)
        except StopIteration as end:
            result: Result = end.value
            return result
        if on_progress is not None:
            on_progress(progress)
