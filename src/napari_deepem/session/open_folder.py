"""The opening of a folder of micrographs: its files, and what was kept of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.model import Model
from napari_deepem.io.atomic import replacing
from napari_deepem.io.images import list_micrographs
from napari_deepem.io.models import load_model
from napari_deepem.io.session_file import SESSION_FILE, SessionFile, Stored, place_of, stamp_of


@dataclass(frozen=True, eq=False, slots=True)
class Opened:
    """A folder of micrographs and the session that was kept of it."""

    files: dict[str, Path]
    folder: Path | None  # where the session file is, or would be; None where nothing can be kept
    file: SessionFile | None
    stored: Stored = field(default_factory=Stored)
    remark: str = ""  # why nothing is saved, or where it is saved if not beside the micrographs


def opening(folder: Path) -> Generator[None, None, Opened]:
    """The job that lists a folder's micrographs and reads what was kept of them, but the model.

    A session file that can't be used is said in `Opened.remark`, and left as it is.

    Raises
    ------
    InputError
        There are no micrographs in the folder.
    """
    yield
    folder = folder.absolute()
    files = list_micrographs(folder)
    try:
        place, remark = _place_of(folder)
    except InputError as error:
        return Opened(files, None, None, remark=f"{error}; until then nothing is saved")
    try:
        file = SessionFile(place / SESSION_FILE)
    except InputError as error:
        return Opened(files, place, None, remark=str(error))
    try:
        stored = file.read()
        files = named_as_kept(files, stored.files)
        return Opened(files, place, file, _without_stale(stored, files), remark)
    except InputError as error:
        file.close()
        return Opened(files, place, None, remark=str(error))


def named_as_kept(files: Mapping[str, Path], kept: Mapping[str, str]) -> dict[str, Path]:
    """The files under the names that they had, whatever lies beside them by now.

    `files` are paths by name, `kept` file names by name. Another file that would take such a name
    goes by its whole file name.
    """
    file_names = {path.name for path in files.values()}
    old_names = {file: name for name, file in kept.items() if file in file_names}
    taken = set(old_names.values())
    return {
        old_names.get(path.name, path.name if name in taken else name): path
        for name, path in files.items()
    }


def _without_stale(stored: Stored, files: Mapping[str, Path]) -> Stored:
    """The session that was kept, without candidates of files that others have replaced since."""
    stale = {
        name
        for name, stamp in stored.scored_files.items()
        if name in files and stamp_of(files[name]) not in (stamp, None)
    }
    candidates = {n: None if n in stale else each for n, each in stored.candidates.items()}
    return replace(stored, candidates=candidates)


def loading(content: bytes, folder: Path | None) -> Generator[None, None, Model]:
    """The job that loads the model that a session file holds."""
    yield
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "model.safetensors"
        path.write_bytes(content)
        return load_model(path, folder)


def _place_of(folder: Path) -> tuple[Path, str]:
    """The folder to keep a folder's session in, and a remark where that is another one.

    A session that lies in the folder itself all the same is copied, once.

    Raises
    ------
    InputError
        There is no such place.
    """
    place = place_of(folder)
    if place == folder:
        return place, ""
    source, target = folder / SESSION_FILE, place / SESSION_FILE
    if source.is_file() and not target.exists():
        with replacing(target) as temporary:
            copyfile(source, temporary)
    return place, f"{folder} can't be written into: the session is kept in {place}"
