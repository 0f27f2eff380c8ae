"""The places of session files: beside the micrographs, or at home where that can't be."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.atomic import writable_folder

SESSION_FILE = "napari-deepem.session"


def home_of(folder: Path) -> Path:
    """The folder at home that stands for a folder of micrographs that can't be written into."""
    folder = Path(os.path.normpath(folder.absolute()))  # whatever it was called: a/../b is b
    code = sha256(os.fsencode(folder)).hexdigest()[:8]
    return Path.home() / "napari-deepem" / f"{folder.name}-{code}"


def place_of(folder: Path) -> Path:
    """The folder for what is kept of a folder of micrographs: the same, or else one at home.

    Raises
    ------
    InputError
        Neither can be written into.
    """
    try:
        return writable_folder(folder)
    except InputError:
        pass
    try:
        return writable_folder(home_of(folder))
    except InputError as error:
        raise InputError(f"{folder} can't be written into, nor can your home: {error}") from error
