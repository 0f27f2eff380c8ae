from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray
from napari_deepem.io.coordinates import parsing, read_coordinates
from napari_deepem.io.coordinates.parsing import (
    NumberColumn,
    in_batches,
    parse_columns,
    parse_number,
    read_lines,
)

ODD = ["inf", "nan", "-Infinity", "1_0", "0x10", "1e31", "-2e7", "1e400", "٣", "", "1.2.3", "<NA>"]
PLAIN = ["0", "-0.0", "+1.", ".5", "1e3", "1E-320", "9007199254740993", "0.1234567890123456789"]
numbers = st.one_of(st.sampled_from(PLAIN), st.floats(-1e7, 1e7).map(repr))
cells = st.one_of(numbers, numbers, numbers, st.sampled_from(ODD))


def one_by_one(text: str, line: int, most: float, unknown: frozenset[str]) -> float:
    return math.nan if text in unknown else parse_number(text, Path("m"), line, "x", most)


def outcome(read: Callable[[], Sequence[float] | FloatArray]) -> bytes | str:
    """The numbers to the last bit and sign, or the line that says what is wrong."""
    try:
        return np.array(read()).tobytes()
    except InputError as error:
        return str(error)


@given(
    rows=st.lists(st.tuples(cells, numbers), min_size=1, max_size=8),
    unknown=st.sampled_from([frozenset[str](), frozenset(["<NA>"])]),
)
def test_columns_of_numbers_are_those_of_each_text_by_itself(
    rows: list[tuple[str, str]], unknown: frozenset[str]
) -> None:
    batch = [(line, list(words)) for line, words in enumerate(rows, 7)]
    columns = [NumberColumn(0, 1e7, "x", unknown), NumberColumn(1, what="y")]
    expected = outcome(lambda: [one_by_one(words[0], line, 1e7, unknown) for line, words in batch])
    assert outcome(lambda: parse_columns(batch, Path("m"), columns)[0]) == expected


@pytest.mark.parametrize("block", [1, 2, 5, 2**17])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("ab\r\n é\u2028\x0b#"), max_size=40), mark=st.booleans())
def test_lines_are_those_of_python_whatever_the_block(
    tmp_path: Path, block: int, text: str, mark: bool
) -> None:
    path = tmp_path / "m.txt"
    path.write_bytes(text.encode("utf-8-sig" if mark else "utf-8"))
    with path.open(encoding="utf-8-sig") as file:
        expected = [(number, line.rstrip("\n")) for number, line in enumerate(file, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "_BLOCK", block)
        assert list(read_lines(path)) == expected


@pytest.mark.parametrize("block", [7, 2**17])
def test_line_too_long_is_named_after_those_before_it(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.txt"
    path.write_text("1 2\n" + "3" * 31 + "\n4 5\n")
    monkeypatch.setattr(parsing, "_BLOCK", block)
    monkeypatch.setattr(parsing, "LONGEST_LINE", 30)
    lines = read_lines(path)
    assert next(lines) == (1, "1 2")
    with pytest.raises(InputError, match="line 2: longer than"):
        next(lines)


@pytest.mark.parametrize(("n_lines", "is_read"), [(5, True), (6, False)])
@pytest.mark.parametrize("end", ["", "\n"])
def test_as_many_lines_are_read_as_may_be(
    tmp_path: Path, n_lines: int, is_read: bool, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.txt"
    path.write_text("\n".join(["1"] * n_lines) + end)
    monkeypatch.setattr(parsing, "MOST_LINES", 5)
    if is_read:
        assert [line for _, line in read_lines(path)] == ["1"] * n_lines
    else:
        with pytest.raises(InputError, match="more than 5 lines"):
            list(read_lines(path))


def test_rows_before_a_bad_one_come_in_a_batch_first() -> None:
    def rows() -> Iterator[tuple[int, list[str]]]:
        yield 1, ["a"]
        raise InputError("line 2")

    batches = in_batches(rows())
    assert next(batches) == [(1, ["a"])]
    with pytest.raises(InputError, match="line 2"):
        next(batches)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.box", "1 2 3 3\n1 a 3 3\n1 2 3\n"),
        ("m.csv", "x,y\n1,a\n1,2,3\n"),
        ("m.cbox", "1 2 3 3 0.5\n1 a 3 3 0.5\n1 2 3\n"),
    ],
)
def test_first_wrong_line_of_a_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match="line 2: expected a number"):
        read_coordinates(path)
