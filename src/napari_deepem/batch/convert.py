"""Coordinate files of one program as those of another: all is read before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from napari_deepem.batch.overwriting import refuse_to_replace
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks, is_inside
from napari_deepem.core.wording import listed
from napari_deepem.io.coordinates import (
    Format,
    MicrographPicks,
    Need,
    Source,
    format_called,
    names_left_out,
    names_matched,
    open_sources,
    targets_of,
    what_is_lost,
    write_coordinate_set,
)
from napari_deepem.io.images import (
    find_micrographs,
    micrograph_name,
    read_pixel_size,
    read_shape,
)

HINTS: Mapping[Need, str] = {
    "box": "give it with --box",
    "shape": "give the micrographs with --micrographs",
    "pixel size": "give the micrographs with --micrographs",
}


@dataclass(frozen=True, eq=False, slots=True)
class ConvertSettings:
    """The settings of a conversion: what is done to positions, and how they are written."""

    box_size_px: int | None = None  # of what is written; None: as read
    scale: float = 1.0  # original pixels to a pixel of the coordinates that are read
    flip_y: bool = False  # count rows from the other edge
    micrographs: str | None = None  # folder, file or pattern of the micrographs themselves
    options: Mapping[str, str] = field(default_factory=dict)  # of the format
    overwrite: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Converted:
    """The files that were written, and what is in them."""

    paths: list[Path]
    micrographs: list[MicrographPicks]
    remarks: list[str]  # sentences on what was left out or looks odd

    @property
    def n_picks(self) -> int:
        """How many picks were written."""
        return sum(len(each.picks) for each in self.micrographs)


def convert_files(
    inputs: Sequence[Path], out: Path, format: str, settings: ConvertSettings
) -> Converted:
    """The files that the picks of all inputs were written to, in one format.

    Parameters
    ----------
    inputs
        Files and folders of any formats that are read; each micrograph in one of them only.
    out
        A folder; where a single file is written, that file may be named.
    format
        The name of the format to write.
    settings

    Raises
    ------
    InputError
        Something can't be read, two inputs have the same micrograph, something that is needed is
        not known, or a file would be replaced. Nothing is written then.
    """
    kind = format_called(format)
    kind.chosen(settings.options)  # before long work
    files = _files_by_name(settings.micrographs)
    remarks: list[str] = []
    micrographs = _read_all(open_sources(inputs), files, remarks)
    micrographs = [_changed(each, settings) for each in micrographs]
    if not settings.overwrite:
        _check_places(kind, out, [each.name for each in micrographs])
    paths = write_coordinate_set(out, micrographs, format, settings.options, HINTS)
    remarks += _remarks(kind, micrographs, files)
    return Converted(paths, micrographs, list(dict.fromkeys(remarks)))


def _files_by_name(micrographs: str | None) -> dict[str, Path]:
    if micrographs is None:
        return {}
    return {micrograph_name(path): path for path in find_micrographs([micrographs])}


def _read_all(
    source: Source, files: Mapping[str, Path], remarks: list[str]
) -> list[MicrographPicks]:
    """What a source has, by the names of the micrographs' own files where there are any."""
    matched = names_matched(source, files) if files else {name: name for name in source.names}
    micrographs = [
        _described(source, there, name, files.get(name)) for name, there in matched.items()
    ]
    if files and (left_out := names_left_out(source, files)):
        remarks.append(f"left out, not among the micrographs: {listed(left_out)}")
    remarks += source.remarks
    return micrographs


def _described(source: Source, there: str, name: str, file: Path | None) -> MicrographPicks:
    """The picks of a micrograph, with what its own file says of it, or else the coordinate file."""
    picks = source.picks_of(there)
    if file is not None:
        return MicrographPicks(
            name, picks, path=str(file), shape=read_shape(file), pixel_size=read_pixel_size(file)
        )
    return MicrographPicks(name, picks, path=source.path_of(there), shape=source.shape_of(there))


def _changed(micrograph: MicrographPicks, settings: ConvertSettings) -> MicrographPicks:
    """The picks at the positions and with the box that settings ask for."""
    picks = scaled(micrograph.picks, settings.scale)
    if settings.box_size_px is not None:
        picks = replace(picks, box_size_px=settings.box_size_px)
    if settings.flip_y:
        if micrograph.shape is None:
            raise InputError(
                f"{micrograph.name}: --flip-y needs the height of the micrograph, which is not "
                f"known; {HINTS['shape']}"
            )
        picks = flipped(picks, micrograph.shape[0])
    return replace(micrograph, picks=picks)


def scaled(picks: Picks, scale: float) -> Picks:
    """The picks of a binned micrograph in original pixels, `scale` of them to a binned pixel.

    As a Fourier crop lays pixels, with which Topaz, RELION and cryoSPARC bin: (0, 0) stays.
    """
    features = dict(picks.features)
    if "size" in features:
        features["size"] = features["size"] * scale
    box_size_px = picks.box_size_px and max(1, round(picks.box_size_px * scale))
    return Picks(picks.centres_yx * scale, picks.scores, box_size_px, features)


def flipped(picks: Picks, height: int) -> Picks:
    """The picks with rows counted from the other edge of a micrograph; angles turn round."""
    rows, columns = picks.centres_yx.T
    features = dict(picks.features)
    if "angle" in features:
        features["angle"] = -features["angle"]
    return replace(
        picks, centres_yx=np.stack([height - 1 - rows, columns], axis=1), features=features
    )


def _check_places(format: Format, out: Path, names: Sequence[str]) -> None:
    if format.adds_to_file:
        return
    paths = targets_of(format, out, names)
    folder = out.parent if paths == [out] else out
    paths += [folder / place.format(name=name) for place in format.beside for name in names]
    refuse_to_replace(paths)


def _remarks(
    format: Format, micrographs: Sequence[MicrographPicks], files: Mapping[str, Path]
) -> Iterable[str]:
    """The sentences on what was lost, looks odd, or is not there."""
    if lost := what_is_lost([format], micrographs):
        yield lost
    total = outside = 0
    for each in micrographs:
        if each.shape is not None:
            total += len(each.picks)
            outside += int((~is_inside(each.picks.centres_yx, each.shape)).sum())
    if outside:
        yield f"{outside} of {total} picks lie outside of their micrographs: check --scale"
    names = {each.name for each in micrographs if len(each.picks)}
    all_names = files or [each.name for each in micrographs]
    if without := [name for name in all_names if name not in names]:
        yield f"no picks on {len(without)} of {len(all_names)} micrographs: {listed(without)}"
