"""One image of a stack: the mean of its frames, or the frame that a name asks for.

`000003@movie.mrcs` is the third frame of `movie.mrcs`, as RELION writes it. Of frames one is in
memory at a time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FRAME = re.compile(r"(\d{1,9})@(.+)", re.DOTALL)


def split_frame(path: Path) -> tuple[Path, int | None]:
    """The file of a path, and the number of the frame that it asks for, from 1; None: all.

    A file that is called so with its number and @ is meant itself.
    """
    match = _FRAME.fullmatch(path.name)
    if match is None or os.path.lexists(path):
        return path, None
    return path.with_name(match[2]), int(match[1])


def frame_path(argument: str) -> Path | None:
    """The path of a frame, as `split_frame` takes it, of what RELION calls `3@folder/movie.mrcs`.

    None where no frame of a file is named.
    """
    match = _FRAME.fullmatch(argument)
    if match is None or os.path.lexists(argument):
        named = Path(argument)
        return named if split_frame(named)[1] is not None else None
    path = Path(match[2])
    return path.with_name(f"{match[1]}@{path.name}")


def mean_of(frames: Iterator[NDArray[Any]]) -> NDArray[Any]:
    """(height, width): one frame as it is, of several their mean as float32."""
    image, count = next(frames), 1
    for frame in frames:
        if count == 1:
            image = image.astype(np.float32, copy=False)
        image += frame
        count += 1
        del frame  # before the next one comes
    return image if count == 1 else np.divide(image, count, out=image)
