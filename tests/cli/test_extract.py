"""`napari-deepem extract`, and RELION's extraction of the same particles."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile

from cli_runs import Refusal, run
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates
from relion import needs_relion, run_relion
from relion_extraction import write_micrographs

CENTRES_YX = {
    "m1": np.array([[120.3, 100.7], [70, 61], [32, 32], [31, 40], [224, 288], [225, 288], [0, 0]]),
    "m2": np.array([[100.0, 200.0], [64, 64]]),
}
N_INSIDE = 6
EXTRACT = ("extract", "picks", "--micrographs", "m1.mrc", "m2.mrc", "--box", 64, "--out", "p.mrcs")
ROUNDING = 4e-7  # of the highest pixel: what float32 files differ by


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of two micrographs, their STAR file, and picks on them."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    ramp = np.linspace(100, 130, 320)
    images = {name: (rng.normal(ramp, 5, (256, 320))).astype(np.float32) for name in CENTRES_YX}
    write_micrographs(tmp_path, images, pixel_size=1.5)
    for name, centres_yx in CENTRES_YX.items():
        scores = np.linspace(1, 0.4, len(centres_yx))  # few digits: RELION writes six
        for place in (f"picks/{name}.star", f"boxes/{name}.box"):
            write_coordinates(tmp_path / place, Picks(centres_yx, scores, box_size_px=64))
    return tmp_path


@needs_relion
@pytest.mark.parametrize(
    ("picks", "ours", "theirs"),
    [
        ("picks/.star", (), ()),
        ("boxes/.box", (), ()),
        ("picks/.star", ("--bin", 2), ("--scale", 32)),
        ("picks/.star", ("--to", 48), ("--scale", 48)),
        (
            "picks/.star",
            ("--normalize", "--invert"),
            ("--norm", "--bg_radius", 24, "--invert_contrast"),
        ),
        (
            "picks/.star",
            ("--bin", 2, "--normalize", "--background-radius", 28),
            ("--scale", 32, "--norm", "--bg_radius", 14),
        ),
    ],
    ids=["plain", "boxes", "halved", "scaled", "normalised", "halved and normalised"],
)
def test_particles_are_those_of_relion(
    project: Path, picks: str, ours: tuple[object, ...], theirs: tuple[object, ...]
) -> None:
    folder, suffix = picks.split("/")
    assert run("extract", folder, *EXTRACT[2:], *ours) == 0
    run_relion(
        project, "relion_preprocess", "--extract", "--i", "micrographs.star", "--coord_dir",
        f"{folder}/", "--coord_suffix", suffix, "--extract_size", 64, "--part_dir", "Extract/",
        "--part_star", "relion.star", *theirs,
    )  # fmt: skip
    table = starfile.read(project / "relion.star")["particles"]
    stacks = {name: mrcfile.read(project / "Extract" / f"{name}.mrcs") for name in CENTRES_YX}
    particles = mrcfile.read(project / "p.mrcs")
    ours_table = starfile.read(project / "p.star")["particles"]
    assert len(particles) == len(ours_table) == N_INSIDE
    place = ["rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY"]
    name_at = table.set_index(place)["rlnImageName"]
    for image, row in zip(particles, ours_table.to_dict("records"), strict=True):
        number, stack = name_at[tuple(row[label] for label in place)].split("@")
        other = stacks[Path(stack).stem][int(number) - 1]
        if ours:
            np.testing.assert_allclose(image, other, rtol=0, atol=ROUNDING * abs(other).max())
        else:
            np.testing.assert_array_equal(image, other)


@needs_relion
def test_relion_reads_the_particles(project: Path) -> None:
    assert run(*EXTRACT, "--ctf", "micrographs.star", "--bin", 2) == 0
    run_relion(project, "relion_star_handler", "--i", "p.star", "--o", "handled.star")
    ours, handled = starfile.read(project / "p.star"), starfile.read(project / "handled.star")
    for block in ("optics", "particles"):
        assert ours[block].equals(handled[block][ours[block].columns])
    run_relion(project, "relion_stack_create", "--i", "p.star", "--o", "copy")
    np.testing.assert_array_equal(
        mrcfile.read(project / "copy.mrcs"), mrcfile.read(project / "p.mrcs")
    )


@pytest.mark.usefixtures("project")
def test_what_is_written_and_left_out_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*EXTRACT, "--voltage", 300) == 0
    assert capsys.readouterr().err.splitlines() == [
        "6 particles of 2 micrographs in p.mrcs; 3 picks over the edge left out",
        "not in the STAR file, and refinement needs it: give --cs, --amplitude-contrast, or --ctf",
    ]


@pytest.mark.usefixtures("project")
def test_optics_come_from_options_or_a_star_file(capsys: pytest.CaptureFixture[str]) -> None:
    optics = ("--voltage", 300, "--cs", 2.7, "--amplitude-contrast", 0.1)
    assert run(*EXTRACT, *optics, "--pixel-size", 1.25) == 0
    by_options = starfile.read("p.star")["optics"].to_dict("records")
    assert run(*EXTRACT, "--ctf", "micrographs.star", "--overwrite") == 0
    by_star = starfile.read("p.star")["optics"].to_dict("records")
    sizes = ("rlnMicrographOriginalPixelSize", "rlnMicrographPixelSize", "rlnImagePixelSize")
    assert [by_options[0] | dict.fromkeys(sizes, 1.5)] == by_star
    assert "not in the STAR file" not in capsys.readouterr().err


def test_micrograph_that_cannot_be_read_is_told_and_the_exit_code_is_3(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "m2.mrc").write_bytes((project / "m2.mrc").read_bytes()[:5000])
    assert run(*EXTRACT) == 3
    shown = capsys.readouterr().err
    assert "m2.mrc: cut short" in shown
    assert "4 particles of 1 micrograph in p.mrcs" in shown
    assert "1 micrograph could not be read" in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--box", 63), "RELION wants even boxes; give 64"),
        (("--bin", 3), "give --box 66, or --to"),
        (("--bin", 64), "give --box 128, or --to"),
        (("--bin", 2, "--to", 32), "give one of them"),
        (("--to", 31), "--to 31: give an even number"),
        (("--to", 66), "no larger than the box"),
        (("--background-radius", 20), "give both"),
        (("--normalize", "--background-radius", 32), "less than half of the box"),
        (("--ctf", "micrographs.star", "--cs", 2.7), "leave those options out"),
        (("--ctf", "picks/m1.star"), "relion_convert_star"),
        (("--out", "p.mrc"), "RELION knows a stack by .mrcs"),
        (("--out", "m1.mrc/p.mrcs"), "m1.mrc is a file"),
        (("--box", 258), "no particle is left: 9 picks over the edge"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_cannot_be_extracted_is_refused(
    refusal: Refusal, options: tuple[object, ...], message: str
) -> None:
    assert message in refusal(*EXTRACT, *options)
