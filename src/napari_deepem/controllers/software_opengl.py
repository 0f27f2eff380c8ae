"""What torch may not load beside OpenGL that is computed in software."""

from __future__ import annotations

import sys
from pathlib import Path

LOADED = Path("/proc/self/maps")
LLVM = "libLLVM"  # which Mesa's software renderer loads to compile for the processor


def keep_triton_out() -> None:
    """Let torch do without triton wherever Mesa's LLVM is loaded: triton's own crashes beside it.

    triton 3.7.1 comes with torch 2.13 for Linux from PyPI, whose optimisers import it though
    nothing is compiled here: the first training would end the program. Asked before every job,
    since Mesa may be loaded as late as the window is drawn.
    """
    if not LOADED.exists() or "triton" in sys.modules:  # there is no triton but for Linux
        return
    if LLVM in LOADED.read_text(errors="replace"):
        sys.modules["triton"] = None  # type: ignore[assignment]  # so its import fails
