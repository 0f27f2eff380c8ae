"""What a window will need is imported before it is asked for."""

import gc
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path

import pint
import pytest
from pint.registry import LazyRegistry

from napari_deepem.session.loading_ahead import (
    sparing_the_collector,
    standing_back,
    take_units,
)

CODE = """
import sys
from napari_deepem.session.loading_ahead import MODULES, load_torch_library, loading_ahead

assert not {"torch", "pandas"} & sys.modules.keys()
load_torch_library()
assert "torch" not in sys.modules
if sys.platform == "linux":
    assert "libtorch_cpu" in open("/proc/self/maps").read()
for next_step in loading_ahead(lambda: False):
    next_step()
assert set(MODULES) <= sys.modules.keys()
assert sys.modules["torch"].ones(2).sum() == 2
"""


def test_library_of_torch_is_loaded_without_python_and_then_all_that_is_needed_soon() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_imported_is_not_looked_at_by_the_collector_until_that_is_taken_back() -> None:
    try:
        with sparing_the_collector():
            assert not gc.isenabled()
            new = [[]]
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
        assert not any(each is new for each in gc.get_objects())
    finally:
        gc.unfreeze()
    assert any(each is new for each in gc.get_objects())


def test_import_stands_back_while_the_window_is_busy_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needed_later.py").write_text("")
    (tmp_path / "needed_now.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    asked, is_at_rest = threading.Event(), threading.Event()

    def is_busy() -> bool:
        asked.set()
        return not is_at_rest.is_set()

    def job() -> None:
        with standing_back(is_busy):
            import_module("needed_later")

    thread = threading.Thread(target=job)
    thread.start()
    assert asked.wait(10)
    import_module("needed_now")  # in this thread
    assert "needed_later" not in sys.modules
    is_at_rest.set()
    thread.join()
    assert "needed_later" in sys.modules


def test_nobody_waits_where_a_debugger_is_at_work_nor_after_another_who_stood_back() -> None:
    calls: list[str] = []

    def is_busy() -> bool:
        calls.append("asked")
        return False

    def call() -> None:
        """Nothing that could be held up for good."""

    known = sys.gettrace()
    try:
        sys.settrace(lambda *_: None)
        with standing_back(is_busy):
            call()
        assert not calls
        sys.settrace(None)
        with standing_back(is_busy):
            with standing_back(is_busy):  # as of two windows at once
                call()
            call()
        assert calls
        calls.clear()
        call()
        assert not calls
    finally:
        sys.settrace(known)


def test_units_that_were_read_ahead_are_taken_unless_others_are_in_use() -> None:
    application = pint.get_application_registry()
    known, ahead = application.get(), pint.UnitRegistry()
    try:
        application.set(LazyRegistry())
        take_units(ahead)
        assert application.get() is ahead
        take_units(pint.UnitRegistry())
        assert application.get() is ahead
        assert application("2 angstrom").to("nanometer").magnitude == pytest.approx(0.2)
    finally:
        application.set(known)
