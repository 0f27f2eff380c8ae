"""cryoSPARC's tables: fractions of a micrograph, and a header that nothing is believed of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import (
    MicrographPicks,
    coordinate_names,
    read_coordinate_set,
    read_coordinates,
    write_coordinate_set,
    write_coordinates,
)
from places import SHARED_DATA

SHAPE = (4092, 5760)
MOTION_CORRECTED = "000000000000000000042_m_patch_aligned_doseweighted"
FIELDS: list[Any] = [
    ("uid", "<u8"),
    ("location/micrograph_path", "S40"),
    ("location/micrograph_shape", "<u4", (2,)),
    ("location/center_x_frac", "<f4"),
    ("location/center_y_frac", "<f4"),
    ("pick_stats/ncc_score", "<f4"),
]


def picks_at(*yx: tuple[float, float], scores: list[float] | None = None) -> Picks:
    return Picks(np.array(yx), None if scores is None else np.array(scores), 64)


def rows_at(*rows: tuple[Any, ...], fields: list[Any] = FIELDS) -> np.ndarray:
    return np.array(list(rows), dtype=fields)


def saved(path: Path, rows: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.save(file, rows)
    return path


def with_header(path: Path, header: str, content: bytes = b"") -> Path:
    text = header.encode()
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content)
    return path


def test_fields_are_cryosparcs_own(tmp_path: Path) -> None:
    picked = [
        MicrographPicks(
            MOTION_CORRECTED, picks_at((1023, 4320), (2046, 0), scores=[0.75, 0.5]), shape=SHAPE
        ),
        MicrographPicks("n", picks_at((10, 30)), path="S1/n.mrc", shape=(40, 60)),
    ]
    write_coordinate_set(tmp_path / "out.cs", picked, "cs")
    rows = np.load(tmp_path / "out.cs", allow_pickle=False)
    assert rows["location/center_x_frac"].tolist() == [0.75, 0, 0.5]
    assert rows["location/center_y_frac"].tolist() == [0.25, 0.5, 0.25]
    assert rows["location/micrograph_shape"].tolist() == [[4092, 5760]] * 2 + [[40, 60]]
    assert rows["location/micrograph_path"].tolist() == [MOTION_CORRECTED.encode()] * 2 + [
        b"S1/n.mrc"
    ]
    assert rows["location/micrograph_uid"].tolist()[:2] == [42, 42]
    assert rows["pick_stats/ncc_score"].tolist() == [0.75, 0.5, -999]
    assert len(set(rows["uid"].tolist())) == 3
    read = read_coordinate_set(tmp_path / "out.cs", ["m", "n"])
    assert read["m"].centres_yx.tolist() == [[1023, 4320], [2046, 0]]
    assert read["n"].scores is None


def test_group_beside_the_table_tells_cryosparc_what_is_in_it(tmp_path: Path) -> None:
    picked = [MicrographPicks("a", picks_at((1, 2), scores=[0.5]), shape=SHAPE)]
    write_coordinate_set(tmp_path / "it's.cs", picked, "cs")
    group = yaml.safe_load((tmp_path / "it's.csg").read_text())
    assert group["group"]["type"] == "particle"
    assert group["results"] == {
        name: {"metafile": ">it's.cs", "num_items": 1, "type": f"particle.{name}"}
        for name in ("location", "pick_stats")
    }
    picked = [MicrographPicks("a", picks_at((1, 2)), shape=SHAPE)]
    write_coordinate_set(tmp_path / "it's.cs", picked, "cs")
    group = yaml.safe_load((tmp_path / "it's.csg").read_text())
    assert list(group["results"]) == ["location"]


def test_numbers_of_picks_stay_and_differ(tmp_path: Path) -> None:
    def uids(*yx: tuple[float, float], name: str = "a") -> list[int]:
        write_coordinate_set(tmp_path, [MicrographPicks(name, picks_at(*yx), shape=SHAPE)], "cs")
        return np.load(tmp_path / "picks.cs")["uid"].tolist()

    first = uids((1, 2), (2, 1), (1, 2), (1, 2))
    assert len(set(first)) == 4
    assert uids((2, 1), (-0.0, 7), (0, 7))[0] == first[1]
    assert uids((2, 1), name="b") != first[1:2]


def test_size_of_the_micrograph_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a: cs files need the size of the micrograph"):
        write_coordinates(tmp_path / "a.cs", picks_at((1, 2)))
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(0, 40),
    shape=st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    kind=st.sampled_from(["<f4", "<f8", ">f4"]),
    order=st.sampled_from(["S", "U"]),
)
def test_what_numpy_writes_is_read_in_every_type(
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    shape: tuple[int, int],
    kind: str,
    order: str,
) -> None:
    fields = [(name, kind if "frac" in name else t, *r) for name, t, *r in FIELDS]
    fields[1] = (fields[1][0], f"{order}40")
    rows = np.zeros(count, dtype=fields)
    rows["location/center_x_frac"] = np.linspace(0, 1, count)
    rows["location/micrograph_shape"] = shape
    rows["location/micrograph_path"] = [f"J1/m{number % 3}.mrc" for number in range(count)]
    path = saved(tmp_path_factory.mktemp("types") / "p.cs", rows)
    expected = rows["location/center_x_frac"].astype("f8") * shape[1]
    read = read_coordinate_set(path, coordinate_names(path))
    columns = [read[name].centres_yx[:, 1] for name in sorted(read)]
    np.testing.assert_array_equal(
        np.concatenate(columns),
        np.concatenate([expected[first::3] for first in range(len(read))]) if count else [],
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((1, b"m", SHAPE, np.nan, 0, 1), "row 2: found 0, nan px for location/center_y_frac or"),
        ((1, b"m", SHAPE, np.inf, 0, 1), "row 2: found 0, inf px for"),
        ((1, b"m", SHAPE, 1e30, 0, 1), "row 2: found .* px for"),
        ((1, b"m", (0, 5), 0.5, 0, 1), "row 2: found 0, 5 px for location/micrograph_shape"),
        ((1, b"m", SHAPE, 0.5, 0, np.nan), "row 2: found nan px for pick_stats/ncc_score"),
        ((1, b"", SHAPE, 0.5, 0, 1), "location/micrograph_path is empty"),
        ((1, b"\xff", SHAPE, 0.5, 0, 1), "location/micrograph_path holds .*, which is no text"),
    ],
)
def test_rows_that_are_no_places_are_refused(
    tmp_path: Path, row: tuple[Any, ...], message: str
) -> None:
    path = saved(tmp_path / "p.cs", rows_at((0, b"m", SHAPE, 0, 0, 1), row))
    with pytest.raises(InputError, match=message):
        read_coordinates(path)


def test_fields_that_are_missing_or_of_another_type_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "p.cs", rows_at((1, b"m", SHAPE, 0.5), fields=FIELDS[:4]))
    with pytest.raises(InputError, match=r"no location/center_y_frac; give the file of"):
        read_coordinates(path)
    fields = [*FIELDS[:2], ("location/micrograph_shape", "<u4"), *FIELDS[3:]]
    saved(path, rows_at((1, b"m", 5, 0.5, 0.5, 1), fields=fields))
    with pytest.raises(InputError, match="the field location/micrograph_shape is not of cryoSPARC"):
        read_coordinates(path)


GOOD = "'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{" + GOOD, "shorter or longer than its header says"),
        ("{" + GOOD.replace("(1,)", "(999999999999999999,)"), "holds more than 5000000 particles"),
        ("{" + GOOD.replace("<f4", "|O"), "the field a holds objects of Python"),
        ("{" + GOOD.replace("<f4", "<f3"), "has a field of no type"),
        ("{" + GOOD.replace("'<f4'", "'<f8', (0,)"), "has rows of 0 bytes"),
        ("{" + GOOD.replace("'<f4'", "'<f8', (999999, 999999)"), "has a field of no type"),
        ("{" + GOOD.replace("'<f4'", "'<f8', (999999,)"), "has rows of 7999992 bytes"),
        ("{" + GOOD.replace("('a'", "('a', '<f4'), ('a'"), "has the field a twice"),
        ("{" + GOOD.replace("[('a', '<f4')]", "'<f4'"), "not a table of cryoSPARC's"),
        (
            "{" + GOOD.replace("'<f4'", "__import__('os')"),
            r"expected a field of a \.cs file, found",
        ),
        ("(" * 60_000, "not a table of cryoSPARC's"),
    ],
)
def test_headers_are_not_believed(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_coordinates(with_header(tmp_path / "p.cs", header))


def test_files_of_other_kinds_and_parts_of_files_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "p.cs", rows_at((0, b"m", SHAPE, 0, 0, 1)))
    content = path.read_bytes()
    for end in (0, 5, 9, 60, len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(InputError, match=r"p\.cs: "):
            read_coordinates(path)
    path.write_bytes(b"\x94CSDAT" + content)
    with pytest.raises(InputError, match=r"a compressed \.cs file"):
        read_coordinates(path)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the real files are not beside the checkout")
def test_real_particles_without_places_are_refused_with_what_to_give(tmp_path: Path) -> None:
    path = SHARED_DATA / "formats" / "cryosparc_P12_J24_001_particles.cs"
    with pytest.raises(
        InputError, match=r"center_x_frac.*micrograph_shape; .*passthrough_particles"
    ):
        read_coordinates(path)
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / path.name).write_bytes(path.read_bytes())
    assert coordinate_names(tmp_path) == ["a"]
