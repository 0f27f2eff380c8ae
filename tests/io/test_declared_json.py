from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

from napari_deepem.core.errors import InputError
from napari_deepem.io.declared_json import (
    LARGEST_TEXT,
    STRICT,
    FileName,
    read_declared,
    read_declared_file,
)


class Box(BaseModel):
    model_config = STRICT
    name: FileName
    width_px: float


BOX = TypeAdapter(Box)


def test_text_of_the_declared_shape_is_its_value():
    box = read_declared(BOX, '{"name": "m 1.mrc", "width_px": 20}', "x: {reason}")
    assert (box.name, box.width_px) == ("m 1.mrc", 20.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        '{"name": "m.mrc", "width_px": ' + "9" * 6000 + "}",
        '{"name": "m.mrc", "width_px": 1e999}',
        '{"name": "m.mrc", "width_px": NaN}',
        '{"name": "m.mrc", "width_px": "20"}',
        '{"name": "m.mrc", "width_px": true}',
        '{"name": "m.mrc"}',
        '{"name": "m.mrc", "width_px": 20, "height_px": 20}',
        '{"name": "\\ud800", "width_px": 20}',
    ],
)
def test_text_of_another_shape_is_refused_in_one_line(text):
    with pytest.raises(
        InputError, match=r"^box\.json is damaged \(.+\): make it again$"
    ) as refusal:
        read_declared(BOX, text, "box.json is damaged ({reason}): make it again")
    assert "\n" not in str(refusal.value)


def test_a_refusal_may_name_a_file_with_braces():
    with pytest.raises(InputError, match=r"^\{x\}\.json \(.+\)$"):
        read_declared(BOX, "", "{x}.json ({reason})")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../m.mrc", "/m.mrc", "a/m.mrc", "a\\\\m.mrc", "C:m.mrc", "a\\u0000b"]
)
def test_a_name_that_is_a_path_is_no_file_name(name):
    with pytest.raises(InputError, match="plain name"):
        read_declared(BOX, f'{{"name": "{name}", "width_px": 20}}', "{reason}")


def test_file_that_is_none_or_out_of_proportion_is_not_read(tmp_path: Path) -> None:
    """B.3: a list takes many times its text in memory."""
    path = tmp_path / "record.json"
    path.write_text('["a"]')
    assert read_declared_file(TypeAdapter(list[str]), path, "{reason}") == ["a"]
    with path.open("wb") as file:
        file.truncate(LARGEST_TEXT + 1)
    for each in (path, tmp_path):
        with pytest.raises(InputError, match="it is no file, or too large"):
            read_declared_file(TypeAdapter(list[str]), each, "{reason}")
