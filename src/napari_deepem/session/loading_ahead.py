"""What the first click, the first scores and the first training import, imported before they come.

An import holds up whoever waits for it, some for a second. In another thread it holds the window
up for moments, none of which is seen; so it does where the window's thread imports the same later.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Generator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

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
)


def loading_ahead() -> Generator[None, None, None]:
    """The job that imports them, one a step."""
    for module in MODULES:
        if module == "torch":
            load_torch_library()
        import_module(module)
        yield


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
