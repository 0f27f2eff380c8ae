"""MRC files in and out. Rows are never flipped: the first row of the file is row 0."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Micrograph
from napari_deepem.io.atomic import replacing
from napari_deepem.io.images.mrc import read_header, read_mrc, spacings

MICROGRAPH_SUFFIXES = (".mrc", ".mrc.gz", ".mrc.bz2")
_COMPRESSION = re.compile(r"\.(gz|bz2)$", re.IGNORECASE)
_IMAGE_SUFFIX = re.compile(r"\.(mrcs?|map|rec|tiff?|eer)$", re.IGNORECASE)


def read_micrograph(path: str | Path) -> Micrograph:
    """Read one MRC image, also `.gz` or `.bz2`, old or odd header or not.

    Parameters
    ----------
    path
        An MRC file of mode 0, 1, 2, 6 or 12 with one frame.

    Returns
    -------
    Micrograph
        Its image is read-only and keeps the file's number type, (height, width), in native byte
        order. Its pixel size is None where the header says nothing or 0.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, not MRC, complex or packed, a stack, not finite
        everywhere, or the same number everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import read_micrograph
    >>> from napari_deepem.io.images import write_mrc
    >>> image = np.random.default_rng(0).normal(size=(400, 600)).astype(np.float32)
    >>> write_mrc("grid1_0001.mrc", image, pixel_size=1.5)
    >>> micrograph = read_micrograph("grid1_0001.mrc")
    >>> micrograph.name, micrograph.shape, micrograph.pixel_size
    ('grid1_0001', (400, 600), 1.5)
    """
    path = Path(path)
    image, header = read_mrc(path, lambda header: _image_shape(path, header))
    _require_content(path, image)
    image.flags.writeable = False
    return Micrograph(image, micrograph_name(path), spacings(header)[0], path)


def read_shape(path: str | Path) -> tuple[int, int]:
    """(height, width) of a micrograph, of which only the header is read.

    Raises
    ------
    InputError
        The file is missing, empty, not MRC, or a stack.
    """
    path = Path(path)
    return _image_shape(path, read_header(path))


def micrograph_name(path: str | Path) -> str:
    """Return the file's name without folders and image suffixes: 'sum/a.mrc.gz' is 'a'.

    Dots that don't start an image suffix belong to the name: 'May08_04.32.27' stays. Both kinds of
    slash part folders, because a STAR file may come from another system.
    """
    file_name = re.split(r"[\\/]", str(path))[-1]
    return _IMAGE_SUFFIX.sub("", _COMPRESSION.sub("", file_name)) or file_name


def find_micrographs(arguments: Iterable[str | Path]) -> list[Path]:
    """List the micrographs that files, glob patterns and folders stand for.

    Returns
    -------
    list of Path
        In the order of the arguments, sorted within a pattern or a folder, each file once.

    Raises
    ------
    InputError
        An argument stands for nothing, or two files have the same name, by which picks are matched.
    """
    found: dict[Path, Path] = {}  # resolved: as given
    for argument in arguments:
        for path in _matches(str(argument)):
            found.setdefault(path.resolve(), path)
    if not found:
        raise InputError("no micrographs given; name at least one .mrc file or a folder of them")
    by_name: dict[str, Path] = {}
    for path in found.values():
        other = by_name.setdefault(micrograph_name(path), path)
        if other is not path:
            raise InputError(
                f"{other} and {path} have the same name, by which picks are matched; "
                "give them one at a time or rename one"
            )
    return list(found.values())


def list_micrographs(folder: str | Path) -> dict[str, Path]:
    """List the micrographs that lie in a folder by name, without opening any of them.

    Returns
    -------
    dict of str to Path
        In natural order: m2 before m10. Where files have the same name but for their suffix, the
        later ones go by their whole file name.

    Raises
    ------
    InputError
        It is no folder, can't be read, or holds no micrographs.
    """
    folder = Path(folder)
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries if _may_be_micrograph(entry)]
    except OSError as error:
        raise InputError(f"{folder}: cannot be opened: {error.strerror or error}") from error
    if not found:
        raise InputError(
            f"{folder}: no micrographs there ({', '.join(MICROGRAPH_SUFFIXES)}); "
            "choose the folder that they lie in"
        )
    files: dict[str, Path] = {}
    for file in sorted(found, key=_natural):
        name = micrograph_name(file)
        files[file if name in files else name] = folder / file
    return files


def write_mrc(path: str | Path, image: NDArray[Any], pixel_size: float | None) -> None:
    """Write an image as MRC mode 2, as RELION, EMAN and IMOD open it.

    Parameters
    ----------
    path
        Where to; compressed if it ends in `.gz` or `.bz2`.
    image
        (height, width) real numbers, written as float32.
    pixel_size
        A/px; None leaves the header at 0, which stands for unknown.

    Raises
    ------
    InputError
        The file cannot be written there.
    """
    if image.ndim != 2:
        raise ValueError(f"an image has two axes, not {image.ndim}")
    with replacing(path) as temporary:
        mrcfile.write(temporary, image.astype(np.float32), overwrite=True, voxel_size=pixel_size)


def _image_shape(path: Path, header: Any) -> tuple[int, int]:
    """(height, width) of a header that describes one image."""
    width, height, frames = (int(header[side]) for side in ("nx", "ny", "nz"))
    if 0 in (width, height, frames):
        raise InputError(
            f"{path}: not a micrograph, its header says {width} x {height} x {frames} pixels"
        )
    if frames > 1:
        raise InputError(
            f"{path}: a stack of {frames} frames or slices, not one micrograph; "
            "motion-correct or average its frames first"
        )
    return height, width


def _require_content(path: Path, image: NDArray[Any]) -> None:
    low, high = image.min(), image.max()  # NaN if one pixel is
    if not (np.isfinite(low) and np.isfinite(high)):
        wrong = image.size - np.count_nonzero(np.isfinite(image))
        raise InputError(
            f"{path}: {wrong} of {image.size} pixels are NaN or infinite; "
            "repair it, or leave it out"
        )
    if low == high:
        raise InputError(f"{path}: every pixel is {low}, so there is nothing to see; leave it out")


def _matches(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if _is_micrograph(file))
    elif path.exists():
        found = [path]
    elif glob.has_magic(argument):
        matched = (Path(name) for name in glob.glob(argument, recursive=True))  # noqa: PTH207  it may be absolute
        found = sorted(file for file in matched if _is_micrograph(file))
    else:
        raise InputError(f"{argument}: no such file or folder; check the path")
    if not found:
        raise InputError(f"{argument}: no micrographs there ({', '.join(MICROGRAPH_SUFFIXES)})")
    return found


def _is_micrograph(path: Path) -> bool:
    return _named_as_micrograph(path.name) and path.is_file()


def _may_be_micrograph(entry: os.DirEntry[str]) -> bool:
    """Whether it looks like one; where a link leads is not asked, which takes long on a network."""
    return _named_as_micrograph(entry.name) and not entry.is_dir(follow_symlinks=False)


def _named_as_micrograph(name: str) -> bool:
    return name.lower().endswith(MICROGRAPH_SUFFIXES) and not name.startswith(".")


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Sort key in which numbers count as numbers."""
    parts = re.split(r"(\d+)", name.lower())  # every other one is a number
    return [(int(p), "") if odd % 2 else (-1, p) for odd, p in enumerate(parts)], name
