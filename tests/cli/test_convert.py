from pathlib import Path

import pytest

from cli_runs import Refusal, run
from napari_deepem.cli.options import FORMAT_NAMES
from napari_deepem.io.coordinates import FORMATS, read_coordinates


def test_help_names_every_format() -> None:
    assert {format.name for format in FORMATS} == set(FORMAT_NAMES.split(", "))


def test_convert_says_what_it_wrote(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "boxes"
    assert run("convert", data / "blobs_1.csv", "--out", out, "--to", "box", "--box", 24) == 0
    particles = len(read_coordinates(data / "blobs_1.csv"))
    text = f"{particles} picks of 1 micrograph written to {out / 'blobs_1.box'}\n"
    assert capsys.readouterr() == ("", text)
    assert run("convert", data, "--out", tmp_path / "stars", "--to", "star", "--scale", 0.5) == 0
    assert f"written to 2 files in {tmp_path / 'stars'}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--to", "mol2"], "no format is called 'mol2': choose from "),
        (["--to", "csv", "--scale", 0], '"0" is not a number from 0.001 to 1,000'),
        (["--to", "csv", "--option", "colour"], "--option colour: give NAME=VALUE"),
        (["--to", "csv", "--option=a=1", "--option=a=2"], "--option a is given twice"),
        (["--to", "csv", "--option", "a=1"], "the format csv has no option 'a'; it has none"),
        (["--to", "csv", "--micrographs", "others"], "others: no such file or folder"),
        (["--to", "csv", "--flip-y"], "blobs_1: --flip-y needs the height"),
    ],
)
def test_convert_refuses_in_one_line(
    refusal: Refusal, data: Path, more: list[object], text: str
) -> None:
    assert text in refusal("convert", data, "--out", "new", *more)
