"""EMAN2's descriptions of micrographs: our boxes beside those of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import (
    MicrographPicks,
    coordinate_names,
    open_source,
    read_coordinates,
    write_coordinate_set,
    write_coordinates,
)

SCORED = Picks(np.array([[20.4, 10.5], [60.0, 50.0]]), np.array([0.25, 0.75]))
OTHERS: dict[str, Any] = {
    "apix": 1.25,
    "ctf": [{"__class__": "EMAN2Ctf", "defocus": 1.5}, None, "\u00b5"],
    "boxes": [[1, 2.5, "manual"], [3, 4, "auto_local", 17.5], [5, 6, "refbad"], [7, 8]],
    "uid": 123456789012345678901234567890,
}


def test_files_go_where_e2boxer_looks_for_them(tmp_path: Path) -> None:
    assert write_coordinate_set(tmp_path, [MicrographPicks("m", SCORED)], "json") == [
        tmp_path / "info" / "m_info.json"
    ]
    assert json.loads((tmp_path / "info" / "m_info.json").read_text()) == {
        "boxes": [[11, 20, "napari-deepem", 0.25], [50, 60, "napari-deepem", 0.75]]
    }
    source = open_source(tmp_path)
    assert source.match(["m"]) == {"m": "m"}
    picks = source.picks_of("m")
    assert picks.scores is not None
    assert picks.scores.tolist() == [0.25, 0.75]


def test_what_others_wrote_stays_and_our_boxes_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "m_info.json"
    path.write_text(json.dumps(OTHERS))
    write_coordinates(path, SCORED)
    write_coordinates(path, SCORED.at([1]))
    ours = [[50, 60, "napari-deepem", 0.75]]
    assert json.loads(path.read_text()) == {**OTHERS, "boxes": OTHERS["boxes"] + ours}
    write_coordinates(path, SCORED.at([]))
    assert json.loads(path.read_text()) == OTHERS


def test_boxes_of_all_tools_are_particles_but_references_of_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "m_info.json"
    path.write_text(json.dumps({"boxes": [*OTHERS["boxes"], [9, 10, "napari-deepem", 0.5]]}))
    source = open_source(path)
    assert source.names == ["m"]
    assert source.remarks == [
        "e2boxer's references of what is no particle (refbad, refbg) are left out"
    ]
    picks = source.picks_of("m")
    assert picks.centres_yx.tolist() == [[2.5, 1], [4, 3], [8, 7], [10, 9]]
    assert picks.scores is not None
    assert picks.scores.tolist() == [-999, -999, -999, 0.5]  # a fourth number of others is none


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid JSON"),
        ('{"boxes": [[1, 2],', "Invalid JSON"),
        ("[" * 100_000, "Invalid JSON"),
        ("[]", "should be an object"),
        ('{"boxes": 3}', "boxes: "),
        ('{"boxes": [[1, 2], [3]]}', r"boxes\.1: "),
    ],
)
def test_files_of_other_kinds_are_refused_and_never_replaced(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "m_info.json"
    path.write_text(text)
    for use in (lambda: read_coordinates(path), lambda: write_coordinates(path, SCORED)):
        with pytest.raises(InputError, match=f"not EMAN2's description of a micro.*{message}"):
            use()
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ("[NaN, 2]", "0.0"),
        ("[1, Infinity]", "0.1"),
        ("[1, 1e8]", "0.1"),
        ("[true, 1]", "0.0"),
        ('["1", 2]', "0.0"),
        ('[1, 2, "napari-deepem", null]', "0.3"),
        ('[1, 2, "napari-deepem", 1e300]', "0.3"),
    ],
)
def test_what_is_no_number_is_refused(tmp_path: Path, box: str, place: str) -> None:
    (tmp_path / "m.json").write_text(f'{{"boxes": [{box}]}}')
    with pytest.raises(InputError, match=rf"boxes\.{place}: expected a number, found"):
        read_coordinates(tmp_path / "m.json")


def test_descriptions_without_boxes_are_no_coordinates(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b_info.json").write_text('{"ctf": [1], "boxes_3d": [[1, 2, 3]]}')
    (tmp_path / "project.json").write_bytes(b"\xff\xfe{")
    assert coordinate_names(tmp_path) == ["a"]
    with pytest.raises(InputError, match="has no boxes of a micrograph; give EMAN2's"):
        read_coordinates(tmp_path / "b_info.json")
    with (tmp_path / "c.json").open("wb") as file:
        file.truncate(10**8)
    with pytest.raises(InputError, match="100 MB, more than the 25 MB that are read"):
        read_coordinates(tmp_path / "c.json")
