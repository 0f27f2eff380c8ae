"""The opening of a folder of micrographs: its files, and what was kept of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.model import Model
from napari_deepem.io.file_stamps import stamp_of
from napari_deepem.io.images import list_micrographs
from napari_deepem.io.images.file_names import plain_name
from napari_deepem.io.models import load_model
from napari_deepem.io.run_places import is_run
from napari_deepem.io.session_file import SessionFile, Stored
from napari_deepem.session.kept import Kept, open_kept, over
from napari_deepem.session.left_out import damage_text
from napari_deepem.session.run_series import RunSeries, reading_run


@dataclass(frozen=True, eq=False, slots=True)
class Opened:
    """A folder of micrographs, or of a run, and the session that was kept of it."""

    source: Path  # where the micrographs lie, or what a run has picked from them
    files: dict[str, Path]
    kept: Kept = field(default_factory=lambda: Kept(None, None))
    run: RunSeries | None = None  # whose folder it is; what it gave is in `stored`, too

    @property
    def folder(self) -> Path | None:
        """The folder of the session file, or of score maps alone; None: nothing can be kept."""
        return self.kept.folder

    @property
    def file(self) -> SessionFile | None:
        """The file in which the session goes on; None where nothing is saved."""
        return self.kept.file

    @property
    def stored(self) -> Stored:
        """The session as it was kept."""
        return self.kept.stored

    @property
    def remark(self) -> str:
        """Why nothing is saved, or where it is saved if not beside the micrographs."""
        return self.kept.remark

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be told when it is opened."""
        of_run = "" if self.run is None else self.run.remark
        remarks = self.remark, of_run, damage_text(self.stored.damaged)
        return tuple(filter(None, remarks))

    @property
    def followed(self) -> Path | None:
        """The session file of another window, which this one follows; None if it does not."""
        return self.kept.followed

    def with_run(self, stored: Stored) -> Stored:
        """What the session file has by now, over what the run has whose folder this is."""
        run = self.run
        return stored if run is None else over(run.stored, run.goes_on_with(stored))

    def with_more(self, changes: Stored) -> Opened:
        """The same with changes that were made meanwhile."""
        return replace(self, kept=replace(self.kept, stored=over(self.stored, changes)))


def opening(
    folder: Path, now: Opened | None = None, apart: bool = False
) -> Generator[None, None, Opened]:
    """The job that lists a folder's micrographs and reads what was kept of them, but the model.

    The folder of a run lists the micrographs that it has on record, and what lies beside these.
    `now` is what is open. Where it is that folder, and the session file beside the micrographs
    can't be taken now either, its file stays open and is what comes back. A folder that another
    window has open is followed, unless the user works `apart` from it.

    Raises
    ------
    InputError
        There are no micrographs in the folder.
    """
    yield
    folder = folder.absolute()
    if is_run(folder):
        return (yield from _opening_run(folder, now, apart))
    files = list_micrographs(folder)
    own = now.file if now is not None and now.source == folder else None
    if now is not None and own is not None and own.path.parent == folder:
        return replace(now, files=files)
    kept = open_kept(folder, own, follows=not apart)
    files = named_as_kept(files, kept.stored.files)
    return Opened(folder, files, replace(kept, stored=_without_stale(kept.stored, files)))


def _opening_run(folder: Path, now: Opened | None, apart: bool) -> Generator[None, None, Opened]:
    """The job that reads a run's folder, also anew, and the session that is kept in it."""
    run = yield from reading_run(folder)
    own = now.file if now is not None and now.source == folder else None
    if now is not None and own is not None and own.path.parent == folder:
        kept = replace(now.kept, stored=own.read())
    else:
        kept = open_kept(folder, own, follows=not apart)
    listed: dict[str, Path] = {}
    with suppress(InputError):  # there are none
        listed = named_as_kept(list_micrographs(folder), kept.stored.files)
    files = {**listed, **run.files}
    above = run.goes_on_with(_without_stale(kept.stored, files))
    gone = {name: None for name, each in above.candidates.items() if each is None}
    if kept.file is not None and gone:  # before they count as those of this run
        kept.file.write(Stored(candidates=gone))
    above = replace(above, candidates={n: c for n, c in above.candidates.items() if n not in gone})
    is_lent = kept.lent or above.model is None
    kept = replace(kept, stored=over(run.stored, above), lent=is_lent)
    return Opened(folder, files, kept, run if above.model is None else replace(run, key=""))


def named_as_kept(files: Mapping[str, Path], kept: Mapping[str, str]) -> dict[str, Path]:
    """The files under the names that they had, whatever lies beside them by now.

    `files` are paths by name, `kept` file names by name. Another file that would take such a name
    goes by its whole file name.
    """
    file_names = {path.name for path in files.values()}
    old_names = {file: name for name, file in kept.items() if file in file_names}
    taken = set(old_names.values())
    return {
        old_names.get(path.name, plain_name(path.name) if name in taken else name): path
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
