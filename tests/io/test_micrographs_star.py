from __future__ import annotations

from pathlib import Path

import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.io.micrographs_star import optics_group, read_micrographs_star

STAR = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographPixelSize #3
_rlnVoltage #4
_rlnOddZernike #5
_rlnOfAnotherVersion #6
first 1 1.5 300 [0.5,1e-3] a
second 3 1.25 200 [0,0] b

# version 30001

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnPhaseShift #4
Motion/a.mrc 1 10000.5 90
Motion/b.mrc 3 9000 85
"""


def write(folder: Path, *changes: tuple[str, str]) -> Path:
    text = STAR
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "micrographs_ctf.star"
    path.write_text(text)
    return path


def test_each_micrograph_has_its_optics_group_and_ctf(tmp_path: Path) -> None:
    star = read_micrographs_star(write(tmp_path))
    a, b = star.entries["a"], star.entries["b"]
    assert (a.full_name, b.full_name) == ("Motion/a.mrc", "Motion/b.mrc")
    assert a.ctf == {"_rlnDefocusU": "10000.5", "_rlnPhaseShift": "90"}
    assert [star.groups[each.group].pixel_size for each in (a, b)] == [1.5, 1.25]
    assert star.groups[3].values == {
        "_rlnOpticsGroupName": "second",
        "_rlnOpticsGroup": "3",
        "_rlnMicrographPixelSize": "1.25",
        "_rlnVoltage": "200",
        "_rlnOddZernike": "[0,0]",
    }


def test_micrographs_may_be_without_ctf(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        *(("_rlnDefocusU", "_rlnA"), ("_rlnPhaseShift", "_rlnB")),
        *(("data_optics", "data_"), ("data_micrographs", "data_")),  # names of blocks are free
    )
    assert read_micrographs_star(path).entries["a"].ctf == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("_rlnOpticsGroupName", "_rlnOther", "relion_convert_star"),
        ("_rlnMicrographName #1", "_rlnOther #1", "relion_convert_star"),
        ("_rlnOpticsGroup #2\n_rlnDefocus", "_rlnOther #2\n_rlnDefocus", "relion_convert_star"),
        ("_rlnMicrographPixelSize", "_rlnOther", "line 12: .*_rlnMicrographPixelSize"),
        ("second 3 1.25", "second 3 0", "line 14: .*give A/px"),
        ("second 3 1.25", "second 3 nan", "line 14: expected a number"),
        ("second 3 1.25 200", "second 3 1.25 high", "line 14: expected a number for _rlnVoltage"),
        ("second 3", "second x", "line 14: expected a whole number for _rlnOpticsGroup"),
        ("b.mrc 3", "b.mrc 4", "Motion/b.mrc is of optics group 4"),
        ("Motion/b.mrc", "Other/a.mrc", "line 26: Other/a.mrc and Motion/a.mrc"),
        ("9000", "inf", "line 26: expected a number for _rlnDefocusU"),
        ("_rlnDefocusU", "_rlnImageName", "has particles"),
        ("9000 85", "9000", "rows and columns"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, (old, new))
    with pytest.raises(InputError, match=message):
        read_micrographs_star(path)


def test_what_is_not_known_of_the_optics_is_left_out() -> None:
    assert optics_group(2, 1.2, voltage_kv=300).values == {
        "_rlnOpticsGroupName": "opticsGroup2",
        "_rlnOpticsGroup": "2",
        "_rlnMicrographOriginalPixelSize": "1.200000",
        "_rlnMicrographPixelSize": "1.200000",
        "_rlnVoltage": "300",
    }
