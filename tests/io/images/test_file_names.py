"""Names of files as text (A.5, B.1): plain on every system, and told apart."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import coordinate_names, read_coordinate_set, write_coordinates
from napari_deepem.io.declared_json import FileName
from napari_deepem.io.images import find_micrographs, list_micrographs, micrograph_name
from napari_deepem.io.images.file_names import MOST_LETTERS, plain_name

LATIN = os.fsdecode(b"ice_5\xb5m")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("May08_04.32.27", "May08_04.32.27"),
        (LATIN, "ice_5\xb5m"),
        ("ice_5\xb5m", "ice_5\xb5m"),
        ("../evil/m1", "..%2Fevil%2Fm1"),
        ("..\\m1", "..%5Cm1"),
        ("C:m1", "C%3Am1"),
        ("run 12:30", "run 12:30"),
        ("red\x1b[31m\n", "red%1B[31m%0A"),
        ("a\0b", "a%00b"),
        ("..", "%2E%2E"),
        ("", "_"),
    ],
)
def test_plain_name_is_the_nearest_one(text: str, name: str) -> None:
    assert plain_name(text) == name


@given(
    st.text(st.characters(exclude_categories=()), max_size=400).filter(
        lambda text: all(
            not "\ud800" <= letter <= "\udfff" or "\udc80" <= letter <= "\udcff" for letter in text
        )
    )
)
def test_plain_name_is_one_that_stays_as_it_is(text: str) -> None:
    name = plain_name(text)
    assert TypeAdapter(FileName).validate_python(name) == name
    assert plain_name(name) == name
    assert len(name.encode()) <= MOST_LETTERS


def test_long_names_are_told_apart() -> None:
    names = {plain_name("\xb5" * 200 + end) for end in "ab"}
    assert len(names) == 2


def test_micrograph_of_any_name_is_listed_and_has_its_coordinates(tmp_path: Path) -> None:
    file = tmp_path / f"{LATIN}.mrc"
    file.touch()
    picks = Picks(np.array([[1.0, 2.0]]), None, 24)
    write_coordinates(tmp_path / f"{LATIN}.star", picks)
    assert list_micrographs(tmp_path) == {"ice_5\xb5m": file}
    assert [micrograph_name(path) for path in find_micrographs([tmp_path])] == ["ice_5\xb5m"]
    assert coordinate_names(tmp_path) == ["ice_5\xb5m"]
    assert list(read_coordinate_set(tmp_path, ["ice_5\xb5m"])) == ["ice_5\xb5m"]


def test_message_of_any_name_is_one_line_of_text() -> None:
    error = InputError(f"{LATIN}: red\x1b[31m\nline")
    assert str(error) == "ice_5\\udcb5m: red\\x1b[31m\\nline"
