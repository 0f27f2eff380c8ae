"""Broken micrographs, workers and whole runs killed: all that can be picked is, once and whole."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from blobs import blob_micrograph
from napari_deepem.batch.pick import PickSettings, pick_files
from napari_deepem.batch.workforce import Workforce
from napari_deepem.core.jobs import finish
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.io.images import write_image
from napari_deepem.io.models import load_model, save_model
from networks import lively_model
from spoilt_files import SPOILT_MICROGRAPHS
from worker_runs import Run, picked_files

if sys.platform == "win32":
    pytest.skip("signals are those of POSIX", allow_module_level=True)

MICROGRAPHS = 60
SPOILS = [spoil for name, (spoil, _) in SPOILT_MICROGRAPHS.items() if name != "missing"]
VANISHING = f"m{MICROGRAPHS - 1:02}"
KILLED_AFTER = 20  # micrographs, so many does the first run tell of
FORMATS = ("box", "star", "particles")


def test_whatever_is_killed_the_same_command_makes_the_files_of_an_undisturbed_run(
    tmp_path: Path,
) -> None:
    data, bad = micrographs_of_which_some_are_bad(tmp_path / "data")
    save_model(lively_model(24), model := tmp_path / "model.safetensors")
    vanishing = data / f"{VANISHING}.mrc"
    pixels = vanishing.read_bytes()
    pick_here(data, model, tmp_path / "undisturbed", vanishing)
    expected = picked_files(tmp_path / "undisturbed")
    vanishing.write_bytes(pixels)

    rng = random.Random()
    command = (data, "--model", model, "--out", tmp_path / "picks", "--workers", 2)
    command = (*command, "--format", ",".join(FORMATS))
    run, picked, fatal = Run(*command), set[str](), rng.randrange(1, KILLED_AFTER)
    for number, told in enumerate(run.micrographs(), 1):
        if told["state"] == "picked":
            picked.add(told["micrograph"])
        if number == fatal:
            rng.choice(run.workers()).kill()
        if number == KILLED_AFTER:
            run.kill()
            break

    run, states = Run(*command), {}
    for told in run.micrographs():
        vanishing.unlink(missing_ok=True)
        if len(states) == KILLED_AFTER + 5:
            rng.choice(run.workers()).kill()
        assert told["micrograph"] not in states
        states[told["micrograph"]] = told["state"]
    assert run.end()[0] == 3

    assert len(states) == MICROGRAPHS
    assert {name for name, state in states.items() if state == "done before"} >= picked
    assert {name for name, state in states.items() if state == "failed"} == bad
    report = json.loads((tmp_path / "picks" / "report.json").read_text())
    reasons = {each["name"]: each["reason"] for each in report["micrographs"] if "reason" in each}
    assert set(reasons) == bad
    assert all(name in reason for name, reason in reasons.items())
    assert (report["picked"], report["failed"]) == (MICROGRAPHS - len(bad), len(bad))
    assert picked_files(tmp_path / "picks") == expected


def micrographs_of_which_some_are_bad(folder: Path) -> tuple[Path, set[str]]:
    """The folder, and the names of those that are bad or will be."""
    folder.mkdir()
    for seed in range(MICROGRAPHS):
        micrograph, _ = blob_micrograph(seed)
        write_image(folder / f"m{seed:02}.mrc", micrograph.image, 2.0)
    bad = {VANISHING}
    for number, spoil in enumerate(SPOILS):
        spoil(folder / f"m{6 * number + 3:02}.mrc")
        bad.add(f"m{6 * number + 3:02}")
    (loop := folder / "m57.mrc").unlink()
    loop.symlink_to(loop)
    bad.add("m57")
    assert len(bad) == 10
    return folder, bad


def pick_here(data: Path, model: Path, out: Path, vanishing: Path) -> None:
    """An undisturbed run in this process by one thread, during which a micrograph vanishes."""
    trained = load_model(model)
    criteria = PickCriteria(trained.threshold, trained.std_range, trained.min_distance_px)
    settings = PickSettings(criteria, FORMATS, workforce=Workforce(1))
    paths: Sequence[Path] = sorted(data.glob("*.mrc"))
    finish(pick_files(paths, trained, out, settings), lambda _: vanishing.unlink(missing_ok=True))
