"""The reading of micrographs, one ahead: the disk works while the processor scores."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

Content = TypeVar("Content")  # such as a micrograph


def read_ahead(
    paths: Sequence[Path], read: Callable[[Path], Content]
) -> Generator[tuple[Path, Callable[[], Content]], None, None]:
    """A stream of the paths in their order, each with what to call for what is read of it.

    The call waits for the reading, raises the InputError of a file that can't be read, and is made
    once: nothing is kept here. While one micrograph is used, the next is read, and no further one:
    two are in memory at most.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read") as reader:
        readings_ahead = [reader.submit(read, path) for path in paths[:1]]
        for index, path in enumerate(paths):
            reading = [readings_ahead.pop()]
            reading[0].exception()  # is read: the next one may follow
            readings_ahead = [reader.submit(read, after) for after in paths[index + 1 : index + 2]]
            yield path, partial(_take, reading)


def _take(reading: list[Future[Content]]) -> Content:
    return reading.pop().result()
