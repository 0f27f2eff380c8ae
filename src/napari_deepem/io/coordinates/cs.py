"""cryoSPARC's `.cs`: centres as fractions of the micrograph, x = fraction x width, and its shape.

Fields as in cryosparc-tools' picking examples. cryoSPARC finds a micrograph by its uid, which is
the number of 21 digits that the files of its motion correction begin with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray
from napari_deepem.io.atomic import replacing
from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.cs_table import Table, read_header
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks, scores_of_all
from napari_deepem.io.coordinates.parsing import FARTHEST_PX, LARGEST, write_text
from napari_deepem.io.coordinates.rows import MOST_MICROGRAPHS, Rows

_X, _Y = "location/center_x_frac", "location/center_y_frac"
_PATH, _UID = "location/micrograph_path", "location/micrograph_uid"
_SHAPE, _SCORE = "location/micrograph_shape", "pick_stats/ncc_score"
_NEEDED = (_X, _Y, _PATH, _SHAPE)
_DIGITS_OF_UID = re.compile(r"\d{21}(?=_)")


def recognises(path: Path) -> bool:
    """Whether a file holds the places of particles, which other `.cs` files of a job do not."""
    return frozenset(_NEEDED) <= read_header(path).fields


def read(path: Path) -> Rows:
    """The rows of a file: centres, micrographs and correlations with a template as scores.

    Raises
    ------
    InputError
        The file can't be read, lacks a field, or holds what is no place on a micrograph.
    """
    table = read_header(path)
    if missing := [name for name in _NEEDED if name not in table.fields]:
        raise InputError(
            f"{path}: has no {', '.join(missing)}; give the file of the same job that has them, "
            "such as its passthrough_particles.cs"
        )
    scored = _SCORE in table.fields
    _check_types(table, (*_NEEDED, _SCORE) if scored else _NEEDED)
    centres, of_micrograph = np.empty((table.n_rows, 2)), np.empty(table.n_rows, dtype=np.int64)
    scores = np.empty(table.n_rows) if scored else None
    micrographs: dict[bytes | str, int] = {}
    shapes: dict[bytes | str, tuple[int, int]] = {}
    end = 0
    for block in table.blocks((*_NEEDED, _SCORE) if scored else _NEEDED):
        rows = slice(end, end + len(block))
        end = rows.stop
        shape = block[_SHAPE].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # inf x 0 is told as what it is
            centres[rows] = np.stack((block[_Y], block[_X]), axis=1) * shape
        _check(path, rows.start, shape, 1, FARTHEST_PX, _SHAPE)
        _check(path, rows.start, centres[rows], -FARTHEST_PX, FARTHEST_PX, f"{_Y} or {_X}")
        if scores is not None:
            scores[rows] = block[_SCORE]
            _check(path, rows.start, scores[rows, None], -LARGEST, LARGEST, _SCORE)
        names = block[_PATH].tolist()
        of_micrograph[rows] = [micrographs.setdefault(name, len(micrographs)) for name in names]
        for name, (height, width) in zip(names, block[_SHAPE].tolist(), strict=True):
            shapes.setdefault(name, (int(height), int(width)))
        if len(micrographs) > MOST_MICROGRAPHS:
            raise InputError(f"{path}: names more than {MOST_MICROGRAPHS} micrographs; divide it")
    names = tuple(_name(path, name) for name in micrographs)
    of_name = of_micrograph if names else None
    return Rows(centres, scores, None, names, of_name, shapes=tuple(shapes.values()))


def _check_types(table: Table, fields: Sequence[str]) -> None:
    for field in fields:
        dtype = table.dtype[field]
        kinds, shape = ("SU", ()) if field == _PATH else ("fiu", (2,) if field == _SHAPE else ())
        if dtype.base.kind not in kinds or dtype.shape != shape:
            raise InputError(f"{table.path}: the field {field} is not of cryoSPARC's type")


def _check(
    path: Path, first: int, values: FloatArray, least: float, most: float, field: str
) -> None:
    wrong = ~((values >= least) & (values <= most)).all(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        found = ", ".join(f"{value:g}" for value in values[row])
        raise InputError(f"{path}, row {first + row + 1}: found {found} px for {field}")


def _name(path: Path, name: bytes | str) -> str:
    try:
        text = name.decode() if isinstance(name, bytes) else name
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: {_PATH} holds {name!r}, which is no text in UTF-8") from error
    if not text:
        raise InputError(f"{path}: {_PATH} is empty; expected the name of a micrograph")
    return text


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write the picks, and beside them the `.csg` that cryoSPARC's Import Result Group asks for."""
    scores = scores_of_all(micrographs)
    paths = [(micrograph.path or micrograph.name).encode() for micrograph in micrographs]
    fields = [
        ("uid", "<u8"), (_UID, "<u8"), (_PATH, f"S{max(1, *map(len, paths), 1)}"),
        (_SHAPE, "<u4", (2,)), (_X, "<f4"), (_Y, "<f4"),
    ]  # fmt: skip
    rows = np.zeros(
        sum(len(micrograph.picks) for micrograph in micrographs),
        [*fields, (_SCORE, "<f4")] if scores else fields,
    )
    end = 0
    for number, micrograph in enumerate(micrographs):
        assert micrograph.shape is not None  # FORMAT.needs
        centres = micrograph.picks.centres_yx
        block = rows[end : end + len(centres)]
        end += len(centres)
        block["uid"] = _uids(micrograph.name, centres)
        block[_UID] = _uid(micrograph.name)
        block[_PATH] = paths[number]
        block[_SHAPE] = micrograph.shape
        block[_Y], block[_X] = (centres / micrograph.shape).T
        if scores:
            block[_SCORE] = scores[number]
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, rows, allow_pickle=False)
    write_text(path.with_suffix(".csg"), _group(path.name, len(rows), with_scores=bool(scores)))


def _uid(name: str) -> int:
    """CryoSPARC's own number of a micrograph, if its name has it, else one that is made of it."""
    digits = _DIGITS_OF_UID.match(name)
    if digits is not None and int(digits[0]) < 2**64:
        return int(digits[0])
    return int.from_bytes(sha256(name.encode()).digest()[:8], "little")


def _uids(name: str, centres_yx: FloatArray) -> NDArray[np.uint64]:
    """(n,) a number of each pick: of its micrograph and place, so that writing again changes none.

    Those at one place are told apart by how many are there.
    """
    y, x = np.ascontiguousarray((centres_yx + 0.0).T).view(np.uint64)  # -0.0 is 0.0
    uids = _mixed(_mixed(np.uint64(_uid(name)) + y) + x)
    while len(first := np.unique(uids, return_index=True)[1]) < len(uids):
        again = np.ones(len(uids), dtype=bool)
        again[first] = False
        uids[again] = _mixed(uids[again])
    return uids


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Other numbers, as many (the finaliser of splitmix64, Steele et al. 2014)."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _group(file_name: str, n_rows: int, *, with_scores: bool) -> str:
    """What cryoSPARC calls a result group: where each kind of what is known of particles stands."""
    metafile = "'>" + file_name.replace("'", "''") + "'"
    results = "".join(
        f"  {name}:\n    metafile: {metafile}\n    num_items: {n_rows}\n    type: particle.{name}\n"
        for name in ("location", *(["pick_stats"] if with_scores else []))
    )
    created = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return (
        f"created: {created}\ngroup:\n  description: Particles that were picked\n"
        f"  name: particles\n  title: Particles picked\n  type: particle\n"
        f"results:\n{results}version: v4.4.1\n"
    )


FORMAT = Format(
    name="cs",
    title="cryoSPARC",
    suffixes=(".cs",),
    place="picks.cs",
    keeps=frozenset({"score", "fraction"}),
    recognises=recognises,
    read=read,
    write=write,
    beside=("picks.csg",),
    needs=frozenset({"shape"}),
)
