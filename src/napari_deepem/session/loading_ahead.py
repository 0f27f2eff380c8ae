"""What the first click, the first scores and the first training import, imported before they come.

An import holds up whoever waits for it, some for a second. In another thread it still takes turns
with the window's thread, by which opening a dock lasts two to five times as long: so it stands back
until the window has come to the end of what it is at.

What is imported stays for good, 400 000 objects of it. Python's garbage collector is not to look at
them again and again: that takes it half a second to one each time, in which nothing else goes on.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import get_ident

import pint
from pint.registry import LazyRegistry

MODULES = (  # in the order in which they may be asked for
    "pandas",  # by napari's first layer of points
    "scipy.special",
    "scipy.ndimage",
    "scipy.spatial",
    "torch",
    "napari_deepem.core.picking.scoring",
    "napari_deepem.core.training.train",
    "napari_deepem.core.training.refinement",
    "scipy.signal",
    "matplotlib.path",  # by a lasso
    "torch._dynamo",  # by the optimizer of the first training
)
LOOK_S = 0.002  # how often it is asked whether the window is still busy
TOOL = 3  # of those that Python may tell of calls; the others have their uses


def loading_ahead(is_busy: Callable[[], bool]) -> Generator[Callable[[], object], None, None]:
    """The job that imports them, one a step; it yields what the window's thread then has to do.

    It stands back while the window is busy.
    """
    with sparing_the_collector(), standing_back(is_busy):
        registry: pint.UnitRegistry = pint.UnitRegistry()
    yield partial(take_units, registry)
    for module in MODULES:
        if module == "torch":
            load_torch_library()
        with sparing_the_collector(), standing_back(is_busy):
            import_module(module)
        yield lambda: None


@contextmanager
def standing_back(is_busy: Callable[[], bool]) -> Iterator[None]:
    """A context in which this thread waits before each call of Python's as long as it is busy.

    It looks as a debugger does, which is the one way that holds no lock of imports meanwhile. Where
    a debugger is at work, it doesn't wait.
    """

    def wait(*_call: object) -> None:
        while is_busy():
            time.sleep(LOOK_S)

    with ExitStack() as looking:
        if sys.gettrace() is None:
            looking.enter_context(before_each_call(wait))
        yield


if sys.version_info >= (3, 12):

    @contextmanager
    def before_each_call(look: Callable[[], None]) -> Iterator[None]:
        """A context in which this thread looks before each call, unless another job does so.

        From this version of Python on a trace looks at each line, too, by which all the imports
        take more than twice as long; this adds a quarter.
        """
        monitoring, own = sys.monitoring, get_ident()
        started = monitoring.events.PY_START

        def look_here(_code: object, _offset: int) -> None:
            if get_ident() == own:  # it is told of the calls of all threads
                look()

        try:
            monitoring.use_tool_id(TOOL, __name__)
        except ValueError:  # it is in use
            yield
            return
        monitoring.register_callback(TOOL, started, look_here)
        monitoring.set_events(TOOL, started)
        try:
            yield
        finally:
            monitoring.set_events(TOOL, monitoring.events.NO_EVENTS)
            monitoring.register_callback(TOOL, started, None)
            monitoring.free_tool_id(TOOL)

else:

    @contextmanager
    def before_each_call(look: Callable[..., None]) -> Iterator[None]:
        """A context in which this thread looks before each call."""
        sys.settrace(look)
        try:
            yield
        finally:
            sys.settrace(None)


def take_units(registry: pint.UnitRegistry) -> None:
    """Let napari have the units that were read ahead, unless it has read its own by now.

    It takes pint a fifth of a second, in the window's thread as soon as the first layer comes.
    """
    if type(pint.application_registry.get()) is LazyRegistry:
        pint.set_application_registry(registry)


@contextmanager
def sparing_the_collector() -> Iterator[None]:
    """A context without collections; what is there in the end is looked at by none to come.

    Until `gc.unfreeze`: whatever else is there now would never be collected without.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def load_torch_library() -> None:
    """Load the largest library of torch while other threads go on.

    `import torch` (2.13) does it under Python's lock, a quarter of a second in which no window
    moves; the C function is called without. Where that fails, the import does it as ever.
    """
    found = None if "torch" in sys.modules or os.name != "posix" else find_spec("torch")
    if found is None or found.origin is None:
        return
    suffix = "dylib" if sys.platform == "darwin" else "so"
    library = Path(found.origin).with_name("lib") / f"libtorch.{suffix}"
    load = ctypes.CDLL(None).dlopen
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    load(os.fsencode(library), os.RTLD_NOW)
