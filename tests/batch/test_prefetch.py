from __future__ import annotations

import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.batch.prefetch import read_ahead
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Micrograph

PATHS = [Path(name) for name in ("a", "b", "c", "d")]
PATIENCE_S = 30.0


class Files:
    """Pretends to read; notes which were asked for, and where."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.threads: set[int] = set()
        self.any = threading.Condition()

    def __call__(self, path: Path) -> Micrograph:
        with self.any:
            self.asked.append(path.name)
            self.threads.add(threading.get_ident())
            self.any.notify_all()
        if path.name == "b":
            raise InputError("b: cut short")
        return Micrograph(np.zeros((2, 2)), path.name)

    def wait_for(self, count: int) -> bool:
        with self.any:
            return self.any.wait_for(lambda: len(self.asked) >= count, PATIENCE_S)


def test_micrographs_come_in_their_order_and_an_error_where_it_belongs() -> None:
    told = []
    for path, micrograph_of in read_ahead(PATHS, Files()):
        try:
            told.append(micrograph_of().name)
        except InputError as error:
            told.append(str(error))
        assert path == PATHS[len(told) - 1]
    assert told == ["a", "b: cut short", "c", "d"]


def test_the_next_one_is_read_while_one_is_used_and_no_further_one() -> None:
    files = Files()
    job = read_ahead(PATHS, files)
    assert files.asked == []
    for used in range(1, 4):
        next(job)
        assert files.wait_for(used + 1)
        assert files.asked == [path.name for path in PATHS[: used + 1]]
    job.close()
    assert threading.get_ident() not in files.threads
    assert len(files.threads) == 1


def test_what_was_used_is_not_kept() -> None:
    job = read_ahead(PATHS, Files())
    _, micrograph_of = next(job)
    used = weakref.ref(micrograph_of().image)
    assert used() is None


def test_stopping_reads_no_more() -> None:
    files = Files()
    job = read_ahead(PATHS, files)
    next(job)
    job.close()
    assert len(files.asked) <= 2
    assert not any(thread.name.startswith("read") for thread in threading.enumerate())


@pytest.mark.parametrize("count", [0, 1])
def test_few_paths_are_no_special_case(count: int) -> None:
    assert [path for path, _ in read_ahead(PATHS[:count], Files())] == PATHS[:count]
