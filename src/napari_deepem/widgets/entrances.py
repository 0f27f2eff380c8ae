"""The docks as napari's menu has them: what the first one needs is imported in another thread.

napari imports a dock when it is asked for, in the window's thread, which took that half a second.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from importlib import import_module
from typing import Any

from qtpy.QtCore import QEventLoop

from napari_deepem.controllers.workers import run

DOCKS = "napari_deepem.widgets.docks"


class Entrance:
    """A class that makes a dock of the same name, from the module that is named so too.

    A class, because napari looks at the parameters of `__init__` for one that is to be the viewer.
    """

    def __new__(cls, napari_viewer: Any) -> Any:
        """The dock itself."""
        module = f"{DOCKS}.{cls.__name__.lower()}"
        if module not in sys.modules:
            load(module)
        return getattr(import_module(module), cls.__name__)(napari_viewer)

    def __init__(self, napari_viewer: Any) -> None:
        """Never called: what `__new__` returns is of another class."""


class Micrographs(Entrance):
    """The list of micrographs, pages and counts."""


class Annotate(Entrance):
    """Labels, and proposals."""


class Train(Entrance):
    """Networks."""


class Pick(Entrance):
    """Scores, and sliders."""


class Review(Entrance):
    """Verdicts on a gallery."""


class Export(Entrance):
    """Coordinate files."""


def load(module: str) -> None:
    """Import a module in another thread, while the window draws and its timers go on.

    What the user does meanwhile waits. An error is raised where the module is asked for once more.
    """

    def job() -> Generator[None, None, None]:
        import_module(module)
        yield

    loop = QEventLoop()
    run(
        job,
        on_progress=lambda _: None,
        on_result=lambda _: loop.quit(),
        on_failed=lambda _: loop.quit(),
    )
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
