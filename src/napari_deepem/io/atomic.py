"""Files that appear whole or not at all: written beside their place and renamed into it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from napari_deepem.core.errors import InputError

_REASONS = {
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "it is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENAMETOOLONG: "the name is too long",
}


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to, which is renamed to `path` when the block succeeds.

    Whatever goes wrong, the temporary file is removed and an older file at `path` is untouched.

    Parameters
    ----------
    path
        The file to make or to replace; folders that are missing are made.

    Yields
    ------
    Path
        An empty file in the same folder with the same suffix, for the block to write.

    Raises
    ------
    InputError
        The file cannot be written there. An OSError of the block counts as that too, so the block
        should do nothing but write.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; choose another file name")
    folder = _made_folder(path.parent)
    temporary = folder / f".{uuid4().hex[:12]}{path.suffix}"
    try:
        try:
            # Not tempfile: its files are private to the user, even after the rename.
            temporary.open("xb").close()
        except OSError as error:
            raise _unwritable_folder(folder, error) from error
        try:
            yield temporary
            temporary.replace(path)
        except OSError as error:
            raise InputError(
                f"cannot write {path}: {_reason(error)}; choose another place"
            ) from error
    finally:
        temporary.unlink(missing_ok=True)


def writable_folder(path: str | Path) -> Path:
    """The folder, made if it is missing, in which files can be made.

    Called before long work, so that a wrong output folder is reported before the work is done.

    Raises
    ------
    InputError
        The folder cannot be made, is a file, or cannot be written into.
    """
    folder = _made_folder(Path(path))
    probe = folder / f".{uuid4().hex[:12]}"
    try:
        probe.open("xb").close()
        probe.unlink()
    except OSError as error:
        raise _unwritable_folder(folder, error) from error
    return folder


def _made_folder(folder: Path) -> Path:
    for existing in (folder, *folder.parents):
        if existing.is_dir():
            break
        if existing.exists():
            raise InputError(
                f"cannot write into {folder}: {existing} is a file; choose another folder"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable_folder(folder, error) from error
    return folder


def _unwritable_folder(folder: Path, error: OSError) -> InputError:
    return InputError(f"cannot write into {folder}: {_reason(error)}; choose another folder")


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)
