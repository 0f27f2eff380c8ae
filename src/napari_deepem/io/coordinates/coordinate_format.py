"""What a coordinate format is: its names and suffixes, how it is told, read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.rows import Rows
from napari_deepem.io.images.file_names import plain_name

# beside the positions; fraction: of a pixel; below: candidates with scores below the threshold
Kept = Literal["score", "box", "fraction", "angle", "class", "size", "below"]
Need = Literal["box", "shape", "pixel size"]
Options = Mapping[str, str]  # the value that was chosen of each option of a format


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a format: the first of its choices is the default."""

    name: str
    choices: tuple[str, ...]
    title: str  # what it decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One kind of coordinate file; each format's module has its own, `formats` the tuple of all."""

    name: str  # of `--format` and `--to`
    title: str  # what users know it by
    suffixes: tuple[str, ...]  # in small letters; several formats may share one
    # the path of a file that is written, in its folder: with `{name}` one a micrograph, else one
    # for all of them
    place: str
    keeps: frozenset[Kept]
    recognises: Callable[[Path], bool]  # is it such a file at all? Others may share its suffix
    read: Callable[[Path], Rows]
    write: Callable[[Path, Sequence[MicrographPicks], Options], None]  # one, if `place` has a name
    options: tuple[Option, ...] = ()
    endings: tuple[str, ...] = ()  # what may stand between a micrograph's name and the suffix
    beside: tuple[str, ...] = ()  # places of more files that `write` makes
    lists: tuple[str, ...] = ()  # names of files that stand for others in a folder, best first
    adds_to_file: bool = False  # what others have written into a file of this kind stays
    needs: frozenset[Need] = frozenset()  # what must be known of a micrograph

    @property
    def is_one_file(self) -> bool:
        """Whether one file holds all micrographs."""
        return "{name}" not in self.place

    def file_of(self, folder: Path, name: str) -> Path:
        """The path of a micrograph's file in the folder that files are written to."""
        return folder / self.place.format(name=name)

    def files_of(self, folder: Path, names: Iterable[str]) -> list[Path]:
        """The paths of all files that are written for certain micrographs, each once."""
        places = (self.place, *self.beside)
        paths = (folder / place.format(name=name) for name in names for place in places)
        return list(dict.fromkeys(paths))

    def own_files_of(self, folder: Path, name: str) -> list[Path]:
        """The paths of the files that are written for one micrograph alone."""
        places = (self.place, *self.beside)
        return [folder / place.format(name=name) for place in places if "{name}" in place]

    def suffix_of(self, path: Path) -> str:
        """The suffix that a file has of this format's, else nothing."""
        file_name = path.name.lower()
        return next((each for each in self.suffixes if file_name.endswith(each)), "")

    def stem_of(self, path: Path) -> str:
        """The plain name of a file without its suffix."""
        return plain_name(path.name[: len(path.name) - len(self.suffix_of(path))])

    def name_of(self, path: Path) -> str:
        """Name of the micrograph that a file of this format belongs to, after its own name."""
        stem = self.stem_of(path)
        for ending in self.endings:
            if stem.endswith(ending) and stem != ending:
                return stem.removesuffix(ending)
        return stem

    def chosen(self, options: Options) -> dict[str, str]:
        """The values of all options: those given, else the defaults.

        Raises
        ------
        InputError
            An option is not one of this format, or has no such choice.
        """
        known = {option.name: option for option in self.options}
        for name, value in options.items():
            if name not in known:
                rest = f"it has {', '.join(known)}" if known else "it has none"
                raise InputError(f"the format {self.name} has no option {name!r}; {rest}")
            if value not in known[name].choices:
                raise InputError(
                    f"{name}={value} for the format {self.name}: choose from "
                    f"{', '.join(known[name].choices)}"
                )
        return {option.name: options.get(option.name, option.choices[0]) for option in self.options}
