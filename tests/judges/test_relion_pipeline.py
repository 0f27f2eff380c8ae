"""A picking job of ours stands in RELION's pipeline, between the micrographs and the particles."""

from __future__ import annotations

import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile

from blobs import BOX_PX, blob_micrograph
from napari_deepem.core.types import FloatArray
from napari_deepem.io.coordinates import read_coordinates
from relion import needs_relion, run_relion
from relion_extraction import write_micrographs

pytestmark = needs_relion

IMPORT, PICK, EXTRACT = "Import/job001/", "External/job002/", "Extract/job003/"
MICROGRAPHS = f"{IMPORT}micrographs.star"
KINDS = {IMPORT: 0, PICK: 99, EXTRACT: 5}  # as RELION 3.1 numbers them
FINISHED, FAILED = 2, 3


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of RELION 3.1 with two micrographs in a folder; what they show is black."""
    images = {f"blobs{seed}": -blob_micrograph(seed)[0].image for seed in (1, 2)}
    (tmp_path / "mics").mkdir()
    table = write_micrographs(tmp_path / "mics", images, 2.0)
    named_from_project = table.read_text().replace("blobs", "mics/blobs")
    (tmp_path / "micrographs.star").write_text(named_from_project)
    (tmp_path / "default_pipeline.star").write_text(
        "\ndata_pipeline_general\n\n_rlnPipeLineJobCounter 1\n"
    )
    program = tmp_path / "pick.sh"
    program.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -c 'from napari_deepem.cli import main; main()'"
        ' relion-pick "$@"\n'
    )
    program.chmod(0o755)
    do_job(tmp_path, IMPORT, do_raw="No", do_other="Yes", fn_in_other="micrographs.star",
           node_type='"Micrographs STAR file (.star)"')  # fmt: skip
    return tmp_path


def do_job(project: Path, job: str, **options: object) -> None:
    """Have RELION plan a job with these options of its own, and do it."""
    rows = "\n".join(f"{name} {value}" for name, value in options.items())
    (project / "job.star").write_text(
        f"\n# version 30001\n\ndata_job\n\n_rlnJobType {KINDS[job]}\n_rlnJobIsContinue 0\n\n"
        "data_joboptions_values\n\nloop_\n_rlnJobOptionVariable #1\n_rlnJobOptionValue #2\n"
        f"{rows}\ndo_queue No\n"
    )
    run_relion(project, "relion_pipeliner", "--addJobFromStar", "job.star")
    run_relion(
        project, "relion_pipeliner", "--RunJobs", job, "--schedule", job.partition("/")[0],
        "--sec_wait_after", 0,
    )  # fmt: skip


def pairs(table: dict, names: str) -> set[tuple[object, object]]:
    """The rows of a table of the pipeline."""
    return set(table[names].itertuples(index=False, name=None))


def particles_of(project: Path, micrograph: str) -> tuple[FloatArray, FloatArray]:
    """RELION's stack of a micrograph's particles, and the pixels around each of our picks."""
    picks = read_coordinates(project / PICK / "mics" / f"{micrograph}_autopick.star")
    image = mrcfile.read(project / "mics" / f"{micrograph}.mrc")
    half = BOX_PX // 2
    padded = np.pad(image, half, mode="edge")  # as RELION fills what lies over the edge
    corners = picks.centres_yx.astype(int)
    expected = [padded[y : y + BOX_PX, x : x + BOX_PX] for y, x in corners]
    return mrcfile.read(project / EXTRACT / "mics" / f"{micrograph}.mrcs"), np.stack(expected)


def test_what_our_job_picks_relions_next_job_extracts(project: Path) -> None:
    do_job(project, PICK, fn_exe="./pick.sh", in_mic=MICROGRAPHS, param1_label="box",
           param1_value=BOX_PX, nr_threads=1)  # fmt: skip
    picks = f"{PICK}coords_suffix_autopick.star"
    do_job(project, EXTRACT, star_mics=MICROGRAPHS, coords_suffix=picks, extract_size=BOX_PX,
           do_norm="No", do_invert="No", nr_mpi=1)  # fmt: skip

    pipeline = starfile.read(project / "default_pipeline.star")
    processes = pipeline["pipeline_processes"]
    names, states = processes.rlnPipeLineProcessName, processes.rlnPipeLineProcessStatus
    assert dict(zip(names, states, strict=True)) == {
        IMPORT: FINISHED, PICK: FINISHED, EXTRACT: FINISHED
    }  # fmt: skip
    assert pairs(pipeline, "pipeline_input_edges") == {
        (MICROGRAPHS, PICK), (MICROGRAPHS, EXTRACT), (picks, EXTRACT)
    }  # fmt: skip
    assert (PICK, picks) in pairs(pipeline, "pipeline_output_edges")
    for micrograph in ("blobs1", "blobs2"):
        theirs, ours = particles_of(project, micrograph)
        np.testing.assert_array_equal(theirs, ours, err_msg=micrograph)


def test_relion_sees_that_our_job_has_failed(project: Path) -> None:
    do_job(project, PICK, fn_exe="./pick.sh", in_mic=MICROGRAPHS, param1_label="model",
           param1_value="none.safetensors", nr_threads=1)  # fmt: skip
    processes = starfile.read(project / "default_pipeline.star")["pipeline_processes"]
    assert processes.rlnPipeLineProcessStatus.tolist() == [FINISHED, FAILED]
