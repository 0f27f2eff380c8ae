"""The coordinate formats: what each is called, how it is told, read and written.

To add one: a module with `recognises`, `read` and `write`, and one `Format` in `FORMATS`. Menus,
file dialogs, the command line's `--format` and napari's readers and writers follow from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates import (
    autopick,
    box,
    cbox,
    cs,
    csv_table,
    eman_json,
    particles,
    star,
    topaz,
)
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


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of coordinate file; the registry is a tuple of these."""

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

    def targets(self, path: Path, names: Sequence[str]) -> list[Path]:
        """The path of each micrograph's file, or of the one for all, that writing to `path` makes.

        `path` is a folder; where a single file is written, that file may be named.

        Raises
        ------
        InputError
            It names a file of another format, or a file where there is one a micrograph.
        """
        if path.is_dir() or not path.name.lower().endswith(SUFFIXES):
            if self.is_one_file:
                return [path / self.place]
            return [self.file_of(path, name) for name in names]
        if not self.suffix_of(path):
            endings = " or ".join(self.suffixes)
            raise InputError(f"{path}: a file of the format {self.name} ends in {endings}")
        if len(names) > 1 and not self.is_one_file:
            raise InputError(
                f"{path}: {self.name} has a file for each of {len(names)} micrographs; name a "
                "folder for them"
            )
        return [path]

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


# Where a folder holds several files for one micrograph, the first format here wins: those that
# hold scores come first. Of one format, the plain name wins, then the endings in this order.
FORMATS = (
    Format(
        "star",
        "RELION STAR, one a micrograph",
        (".star",),
        "{name}.star",
        frozenset({"score", "angle", "class"}),
        star.recognises,
        star.read,
        star.write,
        endings=("_manualpick", "_autopick"),
    ),
    Format(
        "csv",
        "Table",
        (".csv",),
        "{name}.csv",
        frozenset({"score", "fraction", "angle", "class", "size"}),
        csv_table.recognises,
        csv_table.read,
        csv_table.write,
    ),
    Format(
        "box",
        "EMAN1",
        (".box",),
        "{name}.box",
        frozenset({"box"}),
        box.recognises,
        box.read,
        box.write,
        needs=frozenset({"box"}),
    ),
    Format(
        "autopick",
        "RELION job: STAR files and their list",
        (".star",),
        "autopick.star",
        frozenset({"score", "angle", "class"}),
        autopick.recognises,
        autopick.read,
        autopick.write,
        beside=(f"{{name}}{autopick.ENDING}", autopick.OLD_PLACE),
        lists=autopick.LISTS,
    ),
    Format(
        "particles",
        "RELION STAR, one for all; cryoSPARC",
        (".star",),
        "particles.star",
        frozenset({"score", "fraction", "angle", "class"}),
        particles.recognises,
        particles.read,
        particles.write,
        options=(
            Option("relion", ("3.1", "3.0"), "Version of RELION, from"),
            Option(
                "voltage", (particles.UNKNOWN, "300", "200", "120", "100"), "Voltage of optics, kV"
            ),
            Option(
                "cs",
                (particles.UNKNOWN, "2.7", "2.26", "2.0", "1.4", "1.2", "0.01"),
                "Spherical aberration of optics, mm",
            ),
        ),
    ),
    Format(
        "json",
        "EMAN2",
        (".json",),
        "info/{name}_info.json",
        frozenset({"score"}),
        eman_json.recognises,
        eman_json.read,
        eman_json.write,
        endings=("_info",),
        adds_to_file=True,
    ),
    Format(
        "cbox",
        "crYOLO",
        (".cbox",),
        "{name}.cbox",
        frozenset({"score", "box", "fraction", "size", "below"}),
        cbox.recognises,
        cbox.read,
        cbox.write,
        needs=frozenset({"box"}),
    ),
    Format(
        "topaz",
        "Topaz",
        (".txt",),
        "topaz.txt",
        frozenset({"score"}),
        topaz.recognises,
        topaz.read,
        topaz.write,
    ),
    Format(
        "cs",
        "cryoSPARC",
        (".cs",),
        "picks.cs",
        frozenset({"score", "fraction"}),
        cs.recognises,
        cs.read,
        cs.write,
        beside=("picks.csg",),
    ),
)
SUFFIXES = tuple(dict.fromkeys(suffix for format in FORMATS for suffix in format.suffixes))


def keeps_below(names: Iterable[str]) -> bool:
    """Whether a format of these names holds candidates with scores below the threshold."""
    return any("below" in format_called(name).keeps for name in names)


def format_called(name: str) -> Format:
    """The format of a name, as `--format` has it; InputError for an unknown one."""
    for format in FORMATS:
        if format.name == name.strip().lower().lstrip("."):
            return format
    known = ", ".join(format.name for format in FORMATS)
    raise InputError(f"no format is called {name!r}: choose from {known}")


def formats_with_suffix_of(path: Path) -> list[Format]:
    """The formats that a file may have by its suffix; InputError if there is none."""
    formats = [format for format in FORMATS if format.suffix_of(path)]
    if not formats:
        raise InputError(f"{path}: not a coordinate format known here; use {', '.join(SUFFIXES)}")
    return formats


def format_of(path: Path) -> Format:
    """The format of a file, by its suffix, and by its content where several share that.

    What none of them recognises is said to be of the first, whose reader says what is wrong.

    Raises
    ------
    InputError
        The suffix is unknown, or the file can't be read.
    """
    formats = formats_with_suffix_of(path)
    if len(formats) == 1:
        return formats[0]
    return next((format for format in formats if format.recognises(path)), formats[0])
