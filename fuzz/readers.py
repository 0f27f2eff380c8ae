"""The readers of the package: what each is fed with at first, and the call that a file meets."""

from __future__ import annotations

import bz2
import gzip
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mrcfile
import mutations
import numpy as np
import tifffile
from PIL import Image

from napari_deepem import Candidates, Labels, Micrograph, Picks, ScoreMap, load_model, score, train
from napari_deepem.batch.run_folder import RunFolder, picks_of_record
from napari_deepem.batch.tuning.study import Repeat, Study
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.model import Model
from napari_deepem.io.coordinates import (
    MicrographPicks,
    coordinate_names,
    read_coordinate_set,
    read_coordinates,
    write_coordinate_set,
    write_coordinates,
)
from napari_deepem.io.images import read_micrograph, read_pixel_size, read_shape, write_image
from napari_deepem.io.micrographs_star import read_micrographs_star
from napari_deepem.io.models import save_model
from napari_deepem.io.pick_records import (
    RUN,
    Criteria,
    Described,
    PickRecord,
    read_record,
    record_path,
    write_record,
)
from napari_deepem.io.score_maps import read_score_map, write_score_map
from napari_deepem.io.session_places import SESSION_FILE
from napari_deepem.io.volumes import read_volume
from napari_deepem.session.open_folder import loading, opening
from napari_deepem.session.persistence import changes, held_by, restore, restore_model, snapshot
from napari_deepem.session.state import Session

FORMATS = Path(__file__).resolve().parents[2] / "shared" / "data" / "formats"
SHAPE = (96, 112)


@dataclass(frozen=True)
class Reader:
    """One reader: its files, and how random bytes become one."""

    file_name: str
    write_seeds: Callable[[Path], object]  # into a folder, as `write_*` of the package do
    read: Callable[[Path], object]
    mutate: Callable[[bytes, Any], bytes | None] = mutations.none  # besides libFuzzer's own
    pack: Callable[[bytes], bytes] = bytes  # what is fuzzed, as it lies in the file


def _image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 9, SHAPE).astype(np.float32)


def _write_images(folder: Path) -> None:
    for number, dtype in enumerate((np.int8, np.int16, np.uint16, np.float16, np.float32)):
        with mrcfile.new(folder / f"{number}.mrc") as mrc:
            mrc.set_data(_image().astype(dtype))
            mrc.voxel_size = 1.5
            if dtype is np.float32:
                mrc.set_extended_header(np.zeros(64, "V16"))


def _write_stacks(folder: Path) -> None:
    for number, dtype in enumerate((np.int8, np.float32)):
        with mrcfile.new(folder / f"{number}.mrcs") as mrc:
            mrc.set_data(np.stack([_image(0), _image(1)])[:, :20, :21].astype(dtype))
            mrc.set_image_stack()
    content = bytearray((folder / "0.mrcs").read_bytes())
    content[12:16] = (101).to_bytes(4, "little")  # numbers of 4 bits, of which there are enough
    (folder / "packed.mrcs").write_bytes(content)


def _write_tiffs(folder: Path) -> None:
    image = np.stack([_image(0), _image(1)])[:, :20, :21]
    for number, options in enumerate(
        (
            {"compression": "lzw", "rowsperstrip": 6},
            {"compression": "lzw", "predictor": True, "tile": (16, 16)},
            {"compression": "zlib", "byteorder": ">", "bigtiff": True},
            {"compression": "packbits", "resolution": (8e7, 8e7), "resolutionunit": "CENTIMETER"},
        )
    ):
        for dtype in (np.uint8, np.int16, np.float32):
            path = folder / f"{number}-{np.dtype(dtype)}.tif"
            tifffile.imwrite(path, image.astype(dtype), photometric="minisblack", **options)


def _write_eers(folder: Path) -> None:
    """One frame of 12 x 26 pixels: the example of the format's specification."""
    tags = {256: 26, 257: 12, 259: 65002, 273: 8, 279: 6, 65007: 7, 65008: 1, 65009: 1}
    entries = (struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    events = b"\x03\x1b\xfc\xb1\x35\xfb"
    directory = struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4)
    content = b"II*\0" + struct.pack("<I", 14) + events + directory
    (folder / "a.eer").write_bytes(content)


def _write_pictures(folder: Path) -> None:
    for mode in ("L", "RGB", "P", "LA"):
        Image.fromarray(_image().astype(np.uint8)).convert(mode).save(folder / f"{mode}.png")
    for mode in ("L", "RGB"):
        Image.fromarray(_image().astype(np.uint8)).convert(mode).save(folder / f"{mode}.jpg")


def _write_compressed(folder: Path) -> None:
    _write_images(folder)
    for path in list(folder.iterdir()):
        path.write_bytes(gzip.compress(path.read_bytes()))


def _read_image(path: Path) -> None:
    read_shape(path)
    read_pixel_size(path)
    read_micrograph(path)


def _write_volumes(folder: Path) -> None:
    for number, dtype in enumerate((np.int8, np.float32)):
        with mrcfile.new(folder / f"{number}.mrc") as mrc:
            mrc.set_data(np.random.default_rng(1).normal(0, 9, (12, 12, 12)).astype(dtype))
            mrc.set_volume()
            mrc.voxel_size = 3.0


def _write_tables(suffix: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        picks = Picks(np.array([[10.25, 20.0], [50.0, 60.5]]), np.array([0.9, 0.5]), box_size_px=24)
        write_coordinates(folder / f"ours{suffix}", picks)
        _copy_samples(suffix, folder)

    return write


def _copy_samples(suffix: str, folder: Path) -> None:
    for path in FORMATS.rglob(f"*{suffix}"):
        (folder / path.name).write_bytes(path.read_bytes()[:4000])


def _write_stars(folder: Path) -> None:
    _write_tables(".star")(folder)
    (folder / "two.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographPixelSize #2\n1 1.25\n\n"
        "data_particles\n\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n"
        "_rlnOpticsGroup #4\n_rlnClassNumber #5\n_rlnAnglePsi #6\nM/m.mrc 20 30 1 2 -9.5\n"
        "'M/m #1.mrc' 1e1 -3.5 1 0 -999\n"
    )


def _write_micrographs_star(folder: Path) -> None:
    (folder / "micrographs.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n"
        "_rlnMicrographPixelSize #3\n_rlnVoltage #4\ngroup1 1 1.25 300\n\n"
        "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n"
        "_rlnDefocusU #3\nM/m.mrc 1 10000\n'M/m 2.mrc' 1 1e4\n"
    )


def _write_csvs(folder: Path) -> None:
    _write_tables(".csv")(folder)
    (folder / "named.csv").write_text('micrograph,x,y\n"m.mrc",10,20\nother.mrc,3.5,4\n')


def _write_lists(folder: Path) -> None:
    for number, file in enumerate(("a.star", "b.box", "Movies/a.star", "../in/a.star")):
        (folder / f"{number}.star").write_text(
            "\n# version 30001\n\ndata_coordinate_files\n\nloop_\n_rlnMicrographName #1\n"
            f"_rlnMicrographCoordinates #2\nM/job001/Movies/a.mrc {file}\n\n"
        )


def _write_old_lists(folder: Path) -> None:
    (folder / "list").write_text("a.star\n")
    (folder / "missing").write_text("CtfFind/job003/micrographs_ctf.star\n")


def _read_list(path: Path) -> None:
    """With what it may list beside it."""
    (path.parent / "Movies").mkdir()
    loop = "data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n"
    for name in ("a.star", "Movies/a.star", "Movies/a_autopick.star", "a_autopick.star"):
        (path.parent / name).write_text(f"{loop}M/Movies/a.mrc 20 30\nM/../b.mrc 1 2\n")
    (path.parent / "b.box").write_text("10 20 8 8\n")
    _read_table(path)


def _write_cboxes(folder: Path) -> None:
    _write_tables(".cbox")(folder)
    (folder / "old.cbox").write_text("1.5\t2\t10\t10\t0.25\t8\t12\n-3\t4\t10\t10\t0.5\n")


def _write_jsons(folder: Path) -> None:
    _write_tables(".json")(folder)
    (folder / "others.json").write_text(
        '{"apix": 1.25, "boxes": [[1, 2.5, "manual"], [3, 4, "auto_local", 7.5], [5, 6]]}\n'
    )


def _write_cs(folder: Path) -> None:
    picks = Picks(np.array([[10.25, 20.0], [50.0, 60.5]]), np.array([0.9, 0.5]))
    for number, scored in enumerate((picks, Picks(picks.centres_yx))):
        picked = [MicrographPicks(name, scored, shape=SHAPE) for name in ("m", "other")]
        write_coordinate_set(folder / f"{number}.cs", picked, "cs")
        (folder / f"{number}.csg").unlink()
    _copy_samples(".cs", folder)


def _read_table(path: Path) -> None:
    refusals = []
    for read in (read_coordinates, coordinate_names, lambda file: read_coordinate_set(file, ["m"])):
        try:
            read(path)
        except InputError as refusal:
            refusals.append(refusal)
    if len(refusals) == 3:
        raise refusals[0]


@cache
def _model() -> Model:
    image = _image()
    centres_yx = np.array([[20.0, 20.0], [20.0, 60.0], [60.0, 20.0], [60.0, 60.0]])
    for row, col in centres_yx.astype(int):
        image[row - 4 : row + 4, col - 4 : col + 4] -= 30
    micrograph = Micrograph(image, "m", 1.5)
    return train([micrograph], [Labels.of(centres_yx, [[80.0, 90.0]])], box_size_px=24, epochs=1)


def _use_model(path: Path) -> None:
    model = load_model(path)
    if model.box_size_px <= min(SHAPE):
        score(Micrograph(_image(), "m", model.pixel_size), model)


def _write_sessions(folder: Path) -> None:
    place = folder / "place"
    place.mkdir()
    write_image(place / "m.mrc", _image(), 1.5)
    session = Session()
    opened = finish(opening(place))
    restore(session, opened)
    before = held_by(opened, session)
    session.labels = {"m": Labels.of([[20.0, 20.0]], [[60.0, 60.0]])}
    session.verdicts = {"m": Labels.of([[20.0, 20.0]])}
    session.model = _model()
    opened.file.close(changes(before, snapshot(session), place))
    (place / SESSION_FILE).replace(folder / "kept.session")
    (place / "m.mrc").unlink()
    place.rmdir()


def _open_session(path: Path) -> None:
    write_image(path.parent / "m.mrc", _image(), 1.5)
    opened = finish(opening(path.parent))
    try:
        session = Session()
        restore(session, opened)
        snapshot(session)
        if opened.stored.model:
            restore_model(session, opened, finish(loading(opened.stored.model, path.parent)))
    finally:
        if opened.file is not None:
            opened.file.close()


def _write_score_maps(folder: Path) -> None:
    scores = np.linspace(0, 1, 20 * 24, dtype=np.float32).reshape(20, 24)
    score_map = ScoreMap(scores, 1 - scores, 11.5, 4.0, 24, SHAPE)
    write_score_map(folder / "m.safetensors", score_map, (10, 20, 30))


def _write_records(folder: Path) -> None:
    candidates = Candidates(
        np.array([[10.5, 20.0], [50.0, 60.0]]), np.array([0.9, 0.5]), np.ones(2), 24
    )
    criteria = Criteria(threshold=0.6, std_range=(0.5, 1.5), min_distance_px=None)
    described = Described(
        state="picked",
        path="/data/m.mrc",
        stamp=(1, 2, 3),
        scorer="x",
        criteria=criteria,
        box_size_px=24,
    )
    write_record(folder, "m", PickRecord(described, candidates))
    (folder / RUN / "m.picked").replace(folder / "m.picked")
    (folder / RUN).rmdir()


def _use_record(path: Path) -> None:
    """As a run does that goes on in its folder."""
    record_path(path.parent, "m").parent.mkdir(exist_ok=True)
    path.rename(record_path(path.parent, "m"))
    RunFolder(path.parent, ("star",)).claim(["m"])
    record = read_record(path.parent, "m")
    if record is not None:
        picks_of_record("m", record)


STUDY_OF = {"data": "x"}


def _write_studies(folder: Path) -> None:
    study = Study.open(folder / "study", STUDY_OF, 0, 2)
    study.add_default(Repeat(0, 0, 0.5, None, 1.0), [0.25, 0.5])
    study.finish(study.propose(), 0.625, 2.0)


def _go_on_with_study(path: Path) -> None:
    Study.open(path, STUDY_OF, 0, 2).propose()


READERS = {
    "mrc": Reader("m.mrc", _write_images, _read_image),
    "mrc.gz": Reader("m.mrc.gz", _write_images, _read_image, pack=gzip.compress),
    "mrc.bz2": Reader("m.mrc.bz2", _write_images, _read_image, pack=bz2.compress),
    "gz": Reader("m.mrc.gz", _write_compressed, _read_image),
    "mrcs": Reader("m.mrcs", _write_stacks, _read_image),
    "tiff": Reader("m.tif", _write_tiffs, _read_image),
    "eer": Reader("m.eer", _write_eers, _read_image),
    "picture": Reader("m.png", _write_pictures, _read_image),
    "volume": Reader("v.mrc", _write_volumes, read_volume),
    "star": Reader("m.star", _write_stars, _read_table, mutations.words),
    "micrographs": Reader(
        "m.star", _write_micrographs_star, read_micrographs_star, mutations.words
    ),
    "list": Reader("autopick.star", _write_lists, _read_list, mutations.words),
    "list3": Reader("coords_suffix_autopick.star", _write_old_lists, _read_list, mutations.words),
    "csv": Reader("m.csv", _write_csvs, _read_table, mutations.words),
    "box": Reader("m.box", _write_tables(".box"), _read_table, mutations.words),
    "cbox": Reader("m.cbox", _write_cboxes, _read_table, mutations.words),
    "topaz": Reader("m.txt", _write_tables(".txt"), _read_table, mutations.words),
    "json": Reader("m.json", _write_jsons, _read_table, mutations.json_line),
    "cs": Reader("m.cs", _write_cs, _read_table),
    "model": Reader(
        "m.safetensors",
        lambda folder: save_model(_model(), folder / "m"),
        _use_model,
        mutations.safetensors,
    ),
    "scores": Reader("m.safetensors", _write_score_maps, read_score_map, mutations.score_map),
    "session": Reader(SESSION_FILE, _write_sessions, _open_session, mutations.database),
    "record": Reader("m.picked", _write_records, _use_record, mutations.safetensors),
    "study": Reader("study", _write_studies, _go_on_with_study, mutations.json_line),
}
