from __future__ import annotations

from pathlib import Path

import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.star_tables import Block, quoted, read_tables, write_tables


def test_blocks_have_relions_layout_and_a_version_where_they_have_a_name(tmp_path: Path) -> None:
    optics = Block("optics", ("_rlnOpticsGroup", "_rlnOpticsGroupName"), [["1", quoted("a b")]])
    write_tables(tmp_path / "all.star", optics, Block("", ("_rlnVoltage",), iter(())))
    assert (tmp_path / "all.star").read_text() == (
        "\n# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n"
        '1 "a b"\n\n'
        "\ndata_\n\nloop_\n_rlnVoltage #1\n\n"
    )
    read = starfile.read(tmp_path / "all.star", always_dict=True)
    assert read["optics"]["rlnOpticsGroupName"].tolist() == ["a b"]


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=("Cc", "Cs"), include_characters="_#'\"; ")))
def test_text_is_read_as_it_was_written_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    if "'" in text and '"' in text:
        return
    path = tmp_path_factory.mktemp("words") / "a.star"
    for name in (text, f"_{text}", f"data_{text}", f"#{text}"):
        write_tables(path, Block("x", ("_rlnA",), [[quoted(name)]]))
        assert [words for _, _, words in read_tables(path, ["_rlnA"], {"_rlnA"})][1:] == [[name]]


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "\0", "'it's\" one"])
def test_letters_that_no_row_holds_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="can't stand in a STAR file") as caught:
        quoted(text)
    assert "\n" not in str(caught.value)
