"""The command line: each command is one file here and one call of the batch room.

Exit code 0, or 2 for wrong input with one line on standard error that says what to do.
Results go to standard output, everything else to standard error.
"""

from napari_deepem.cli import demo, evaluate, pick, refine, simulate, train, tune, view
from napari_deepem.cli.app import main

__all__ = ["demo", "evaluate", "main", "pick", "refine", "simulate", "train", "tune", "view"]
