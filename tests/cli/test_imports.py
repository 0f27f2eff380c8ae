"""What each command loads when it runs: of the packages that pyproject.toml names, these alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from napari_deepem.io.coordinates import read_coordinates, write_coordinates
from places import ROOT

# Command lines, and what each loads in an interpreter that has run those above it in its table.
WITHOUT_TORCH = {
    "--help": "cyclopts rich",
    "pick --help": "",
    "propose-box --help": "",
    "convert data --out converted --to star": "mrcfile numpy",
    "extract data --micrographs data --box 24 --out particles.mrcs": "",
    "view bare": "",  # no micrographs there
    "evaluate data --truth data --box 24": "scipy",
    "simulate --count 1 --size 300 300 --particles 1 --out simulated": "",
    "evaluate stars --truth data --box 24": "",
    "evaluate data --truth data --box 24 --plot curves.png": "matplotlib",
}
WITH_TORCH = {
    "pick data --model model.safetensors --out picks": (
        "annotated_types cyclopts mrcfile numpy pydantic rich safetensors scipy torch "
        "typing_extensions"
    ),
    "pick data --box 24 --out picks": "",
    "train data --coords data --box 24 --out trained": "",
    "refine data --model model.safetensors --forget --accepted data --out refined": "",
    "tune data --coords data --box 24 --minutes 0.001 --out tuned": "optuna",
    "demo --data data --box 24 --no-view": "matplotlib",
}
TABLES = (WITHOUT_TORCH, WITH_TORCH)

RUN_ALL = """
import json, sys
from napari_deepem.cli import main
for line in sys.argv[1:]:
    code = 0
    try:
        main(line.split())
    except SystemExit as end:
        code = end.code
    print("\\nloaded", json.dumps([line, code, list(sys.modules)]))
"""
QUICK = """# trainings of seconds; loads torch
from dataclasses import replace
from napari_deepem.core.training import recipes
short = dict(batches_per_epoch=4, batch_size=8, epochs=1)
recipes.RECIPES["modern"] = replace(recipes.MODERN, **short)
recipes.FROM_GENERAL = replace(recipes.FROM_GENERAL, **short)
"""


def named_packages() -> set[str]:
    """What pyproject.toml names for users, as it is imported; and a slow part of scipy."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["all"], *extras["tune"]]
    names = {re.split(r"[\[<>=]", line)[0].replace("-", "_") for line in lines}
    return {*names, "PyQt6", "PySide6", "scipy.stats"}


@pytest.fixture(scope="module")
def folder(sample: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the command lines are run: all that they name, and an empty folder."""
    folder = tmp_path_factory.mktemp("imports")
    (folder / "bare").mkdir()
    (folder / "data").mkdir()
    for name in ("blobs_1", "blobs_2"):
        shutil.copy(sample / f"{name}.mrc", folder / "data")
        shutil.copy(sample / f"{name}.csv", folder / "data")
        picks = read_coordinates(sample / f"{name}.csv")
        write_coordinates(folder / "stars" / f"{name}.star", picks)
    shutil.copy(model, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> dict[str, tuple[int, set[str]]]:
    """Exit code of each command line, and what it loaded; one interpreter a table, all at once."""
    interpreters = [
        subprocess.Popen(
            [sys.executable, "-c", (QUICK if table is WITH_TORCH else "") + RUN_ALL, *table],
            cwd=shutil.copytree(
                folder, f"{folder}_{number}"
            ),  # the other's files are not in the way
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, table in enumerate(TABLES)
    ]
    ends = {}
    for interpreter in interpreters:
        shown, errors = interpreter.communicate()
        assert interpreter.returncode == 0, errors
        before: set[str] = set()
        for report in re.findall(r"^loaded (.*)$", shown, re.MULTILINE):
            line, code, modules = json.loads(report)
            ends[line] = code, named_packages() & set(modules) - before
            before |= set(modules)
    return ends


@pytest.mark.parametrize("line", [line for table in TABLES for line in table])
def test_command_loads_what_it_needs_and_nothing_else(
    loaded: dict[str, tuple[int, set[str]]], line: str
) -> None:
    (packages,) = (table[line] for table in TABLES if line in table)
    assert loaded[line] == (2 if line == "view bare" else 0, set(packages.split()))
