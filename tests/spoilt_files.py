"""Ways in which a file can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np

from blobs import BOX_PX, SHAPE
from napari_deepem.io.images import write_image

Spoil = Callable[[Path], object]


def write_text(text: str) -> Spoil:
    return lambda path: path.write_text(text)


def write_stack(path: Path) -> None:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(np.random.default_rng(0).normal(size=(3, 60, 70)).astype(np.float32))


def write_constant(path: Path) -> None:
    write_image(path, np.full(SHAPE, 65535), 2.0)


def write_small(path: Path) -> None:
    """Smaller than the box, with a particle inside."""
    write_image(path, np.random.default_rng(0).normal(size=(BOX_PX - 1, 90)), 2.0)
    path.with_suffix(".csv").write_text("x,y\n20,10\n")


def write_nan(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1024 + 400 : 1024 + 404] = np.float32("nan").tobytes()
    path.write_bytes(content)


SPOILT_MICROGRAPHS: dict[str, tuple[Spoil, str]] = {
    "missing": (Path.unlink, "blobs_1.mrc: no such file"),
    "empty": (lambda path: path.write_bytes(b""), "blobs_1.mrc: empty file"),
    "truncated": (
        lambda path: path.write_bytes(path.read_bytes()[:9000]),
        "blobs_1.mrc: cut short",
    ),
    "header cut": (lambda path: path.write_bytes(path.read_bytes()[:700]), "not an MRC file"),
    "not MRC": (lambda path: path.write_bytes(b"x,y\n1,2\n" * 300), "blobs_1.mrc: not an MRC"),
    "3-D stack": (write_stack, "blobs_1.mrc: a volume of 3 slices"),
    "NaN": (write_nan, "blobs_1.mrc: 1 of 15400 pixels are NaN"),
    "constant": (write_constant, "blobs_1.mrc: every pixel is 65535"),
    "smaller than the box": (write_small, "box of 24 px does not fit"),
}
