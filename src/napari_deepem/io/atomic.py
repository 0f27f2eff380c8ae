"""Files that appear whole or not at all: written beside their place and renamed into it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.temporary_names import remove_leftovers, temporary_path

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
        The file to make or to replace; folders that are missing are made, and removed again if
        nothing comes of it.

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
    with _made_folder(path.parent) as folder, temporary_path(folder, path.suffix) as temporary:
        try:
            if path.is_dir():
                raise InputError(f"cannot write {path}: it is a folder; choose another file name")
            _remove_leftovers_once(folder.absolute())
            # Not tempfile: its files are private to the user, even after the rename.
            temporary.open("xb").close()
            yield temporary
            temporary.replace(path)
        except OSError as error:
            reason = _reason(error).replace(str(temporary), str(path))
            reason = reason.replace(temporary.name, path.name)
            raise InputError(f"cannot write {path}: {reason}; choose another place") from error


def check_writable(folder: str | Path) -> None:
    """Raise InputError if files can't be made in a folder, which may be one that is missing yet.

    Called before long work, so that a wrong output folder is reported before the work is done.
    Nothing is left of the try, nor of what earlier runs that were killed have left there.
    """
    folder = Path(folder)
    try:
        existing = _existing_part(folder)
        remove_leftovers(existing)
        missing = [part for part in folder.relative_to(existing).parts if part != ".."]
        with temporary_path(existing) as probe:
            inner = probe.joinpath(*missing)
            inner.mkdir(parents=True)
            (inner / "file").open("xb").close()
    except OSError as error:
        raise _unwritable_folder(folder, error) from error


def writable_folder(path: str | Path) -> Path:
    """The folder, made if it is missing, in which files can be made.

    Raises
    ------
    InputError
        The folder cannot be made, is a file, or cannot be written into.
    """
    check_writable(path)
    with _made_folder(Path(path)) as folder:
        return folder


@contextmanager
def _made_folder(folder: Path) -> Iterator[Path]:
    """The folder, made if it is missing; if the block fails, what was made is removed again."""
    missing: list[Path] = []
    try:
        try:
            existing = _existing_part(folder)
            missing += [part for part in (folder, *folder.parents) if part.is_relative_to(existing)]
            missing.remove(existing)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable_folder(folder, error) from error
        yield folder
    except BaseException:
        for part in missing:
            with suppress(OSError):  # was not made, or holds what others have written meanwhile
                part.rmdir()
        raise


def _existing_part(folder: Path) -> Path:
    """The folder, or the nearest above it that exists; InputError where that is a file."""
    for existing in (folder, *folder.parents):
        if existing.is_dir():
            break
        if existing.exists():
            raise InputError(
                f"cannot write into {folder}: {existing} is a file; choose another folder"
            )
    return existing


_remove_leftovers_once = cache(remove_leftovers)


def _unwritable_folder(folder: Path, error: OSError) -> InputError:
    return InputError(f"cannot write into {folder}: {_reason(error)}; choose another folder")


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)
