"""Torch beside OpenGL that is computed in software."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from napari_deepem.controllers import software_opengl
from napari_deepem.controllers.workers import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="triton is for Linux")
MESA = "7f00-7f01 r-xp 00000000 fd:00 1234 /usr/lib/x86_64-linux-gnu/libLLVM-15.so.1\n"


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What says which libraries are loaded; triton is not, as far as anybody knows."""
    monkeypatch.setattr(software_opengl, "LOADED", tmp_path / "maps")
    monkeypatch.setitem(sys.modules, "triton", None)  # put back in the end, whatever it was
    monkeypatch.delitem(sys.modules, "triton")
    return tmp_path / "maps"


def test_no_job_loads_triton_where_mesa_is(loaded: Path, qtbot) -> None:
    loaded.write_text(MESA)
    results: list[bool] = []

    def job():
        yield
        try:
            import_module("triton")
        except ImportError:
            return True
        return False

    run(
        job,
        on_progress=lambda _: None,
        on_result=results.append,
        on_failed=lambda error: pytest.fail(str(error)),
    )
    qtbot.waitUntil(lambda: results == [True])
    assert sys.modules["triton"] is None


def test_triton_may_be_loaded_elsewhere(loaded: Path) -> None:
    loaded.write_text(MESA.replace("libLLVM-15", "libGLX_nvidia"))
    software_opengl.keep_triton_out()
    assert "triton" not in sys.modules
