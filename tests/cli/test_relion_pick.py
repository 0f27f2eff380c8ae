"""The command as RELION calls it, in its project."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import starfile

from cli_runs import run
from napari_deepem.batch import relion_job
from napari_deepem.io.coordinates import coordinate_names, read_coordinates
from napari_deepem.io.relion_job_folder import mark_end

JOB = "External/job010/"
CORRECTED = "MotionCorr/job002/"
LISTS = ["RELION_OUTPUT_NODES.star", "autopick.star", "coords_suffix_autopick.star"]


@pytest.fixture
def project(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two micrographs of one name, in two folders, and a job that has begun."""
    for folder, number in (("day1", 1), ("day2", 2)):
        (tmp_path / CORRECTED / folder).mkdir(parents=True)
        shutil.copy(sample / f"blobs_{number}.mrc", tmp_path / CORRECTED / folder / "blobs.mrc")
    (tmp_path / "default_pipeline.star").write_text(
        "\n# version 30001\n\ndata_pipeline_processes\n\nloop_ \n_rlnPipeLineProcessName #1 \n"
        "_rlnPipeLineProcessAlias #2 \n_rlnPipeLineProcessTypeLabel #3 \n"
        "_rlnPipeLineProcessStatusLabel #4 \nExternal/job010/ None relion.external Running \n"
    )
    write_micrographs(tmp_path, "day1/blobs.mrc")
    (tmp_path / JOB).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_micrographs(project: Path, *names: str) -> None:
    rows = [f"{name if name.startswith(('/', '..')) else CORRECTED + name} 1\n" for name in names]
    (project / "micrographs.star").write_text(
        "\n# version 30001\n\ndata_optics\n\nloop_ \n_rlnOpticsGroup #1 \n"
        "_rlnMicrographPixelSize #2 \n1 1.25\n\ndata_micrographs\n\nloop_ \n"
        "_rlnMicrographName #1 \n_rlnOpticsGroup #2 \n" + "".join(rows) + " \n"
    )


def job(model: Path | None, *more: object) -> int:
    """The exit code of the command, as RELION calls it."""
    labels: Sequence[object] = () if model is None else ("--model", model)
    return run(
        *("relion-pick", "--o", JOB, "--in_mics", "micrographs.star"), *labels, *more, "--j", 2
    )


def marks() -> list[str]:
    return sorted(path.name.removeprefix("RELION_JOB_") for path in Path(JOB).glob("RELION_JOB_*"))


def listed() -> list[tuple[str, str]]:
    (table,) = starfile.read(Path(JOB) / "autopick.star", always_dict=True).values()
    return list(zip(table.rlnMicrographName, table.rlnMicrographCoordinates, strict=True))


def test_job_leaves_what_relion_4_wants_and_a_continued_one_picks_new_micrographs_alone(
    project: Path, model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert job(model) == 0
    assert marks() == ["EXIT_SUCCESS"]
    first = (f"{CORRECTED}day1/blobs.mrc", f"{JOB}day1/blobs_autopick.star")
    second = (f"{CORRECTED}day2/blobs.mrc", f"{JOB}day2/blobs_autopick.star")
    assert listed() == [first]
    nodes = starfile.read(Path(JOB) / "RELION_OUTPUT_NODES.star")
    assert nodes.loc[0].to_dict() == {
        "rlnPipeLineNodeName": f"{JOB}autopick.star",
        "rlnPipeLineNodeTypeLabel": "MicrographCoordsGroup.star.relion.autopick",
    }
    assert (Path(JOB) / "coords_suffix_autopick.star").read_text() == "micrographs.star\n"
    assert coordinate_names(JOB + "coords_suffix_autopick.star") == ["blobs"]
    time = (project / first[1]).stat().st_mtime_ns
    write_micrographs(project, "day1/blobs.mrc", "day2/blobs.mrc")
    capfd.readouterr()
    assert job(model, "--pipeline_control", JOB) == 0
    output = capfd.readouterr()
    assert f"{second[0]}: " in output.out
    assert f"{first[0]}: " not in output.out
    assert "(1 done before)" in output.out
    assert output.err == ""
    assert listed() == [first, second]
    assert (project / first[1]).stat().st_mtime_ns == time
    assert len(read_coordinates(project / second[1])) > 5


def test_job_that_is_run_again_with_other_settings_picks_all_again(
    project: Path, model: Path
) -> None:
    assert job(model) == 0
    file = project / JOB / "day1/blobs_autopick.star"
    n_picks = len(read_coordinates(file))
    assert n_picks > 1
    assert job(model, "--threshold", 1) == 0
    assert len(read_coordinates(file)) < n_picks
    assert listed() == []


def test_micrographs_that_fail_are_named_and_the_others_go_on(
    project: Path, model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = (
        "gone.mrc",
        "day1/blobs.mrc",
        "../../../outside.mrc",
        "day1/blobs.mrcs",
        "/tmp/x/../y.mrc",
    )
    (project / CORRECTED / "day1/blobs.mrcs").touch()
    write_micrographs(project, *names)
    assert job(model) == 3
    lines = capfd.readouterr().err.splitlines()
    assert "gone.mrc" in lines[0]
    assert "../../../outside.mrc: its picks would lie outside of External/job010" in lines[1]
    assert "would have their picks in one file" in lines[2]
    assert "/tmp/x/../y.mrc: its picks would lie outside of" in lines[3]
    assert lines[4] == "4 of 5 micrographs could not be picked"
    assert [name for name, _ in listed()] == [f"{CORRECTED}day1/blobs.mrc"]
    assert marks() == ["EXIT_SUCCESS"]
    write_micrographs(project, "gone.mrc")
    assert job(model) == 2
    assert marks() == ["EXIT_FAILURE"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "what is to pick? Give --model, or --box"),
        (["--model", "gone.safetensors"], "no model file gone.safetensors"),
        (["--box", 4], "is not a whole number from 12"),
        (["--in_coords", "a.star"], "Unknown option: --in_coords"),
        (["--in_mics", "gone.star", "--box", 24], "gone.star"),
    ],
)  # fmt: skip
def test_job_that_is_refused_says_so_to_relion(
    project: Path, arguments: list[object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mark_end(Path(JOB), "SUCCESS")
    if "--in_mics" in arguments:
        assert run("relion-pick", f"--o={JOB}", *arguments) == 2
    else:
        assert job(None, *arguments) == 2
    assert message in capsys.readouterr().err
    assert marks() == ["EXIT_FAILURE"]


def test_job_that_is_asked_to_stop_keeps_its_picks_and_goes_on_later(
    project: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_micrographs(project, "day1/blobs.mrc", "day2/blobs.mrc")
    write = relion_job.write_coordinates

    def write_and_ask(*arguments: object) -> None:
        write(*arguments)  # type: ignore[arg-type]
        (Path(JOB) / "RELION_JOB_ABORT_NOW").touch()

    monkeypatch.setattr(relion_job, "write_coordinates", write_and_ask)
    assert job(model) == 130
    assert marks() == ["ABORT_NOW", "EXIT_ABORTED"]
    assert len(listed()) == 1
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert job(model) == 0
    assert len(listed()) == 2
    assert marks() == ["EXIT_SUCCESS"]


def test_picks_of_others_are_not_replaced(
    project: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / JOB / "day1").mkdir()
    (project / JOB / "day1/blobs_autopick.star").write_text("mine")
    assert job(model) == 2
    assert "was not picked by this job" in capsys.readouterr().err
    assert (project / JOB / "day1/blobs_autopick.star").read_text() == "mine"
    assert marks() == ["EXIT_FAILURE"]


def test_relion_3_gets_its_own_list_as_a_node(project: Path, model: Path) -> None:
    pipeline = project / "default_pipeline.star"
    pipeline.write_text(pipeline.read_text().replace("Label", ""))
    assert job(model) == 0
    nodes = starfile.read(Path(JOB) / "RELION_OUTPUT_NODES.star")
    assert nodes.loc[0].to_dict() == {
        "rlnPipeLineNodeName": f"{JOB}coords_suffix_autopick.star",
        "rlnPipeLineNodeType": 2,
    }
