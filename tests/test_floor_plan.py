"""Who may import whom. CONTRIBUTING.md shows the same table to its readers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

from places import ROOT

SHARED = "core.types, core.errors, core.jobs, core.geometry, core.wording"
NO_FILES = "GUI, psygnal, mrcfile, starfile, dask"
FLOOR_PLAN = [  # from the roof down: no room imports one that stands above it
    # room, may import of ours, never imports, imports only inside functions
    ("__init__", "core, io", "GUI", "torch"),
    ("cli", "cli, batch, core, io", "psygnal", "GUI, widgets.windows"),
    (
        "widgets",
        "widgets, controllers, session, layers, core.types, core.errors, core.wording",
        "torch, mrcfile",
        "",
    ),
    (
        "controllers",
        "controllers, session, layers, core.types, core.errors, core.geometry, core.wording",
        "torch, mrcfile",
        "",
    ),
    (
        "layers",
        "layers, core.simulation, core.types, core.errors, core.wording, io.coordinates, io.images",
        "Qt, magicgui, torch, mrcfile",
        "",
    ),
    (
        "session",
        "session, core, io, batch.run_manifest, batch.scorer, batch.series_run",
        "napari, Qt, magicgui",
        "torch",
    ),
    ("batch", "batch, core, io", "GUI, psygnal", ""),
    (
        "io",
        "io, core.network, core.preprocessing.sampling, core.types, core.errors",
        "GUI, psygnal, dask",
        "",
    ),
    ("core.simulation", "core.simulation, core.types, core.errors", NO_FILES, ""),
    (
        "core.training",
        f"core.training, core.evaluation, core.picking, core.network, core.preprocessing, {SHARED}",
        NO_FILES,
        "",
    ),
    ("core.evaluation", f"core.evaluation, core.picking, core.network, {SHARED}", NO_FILES, ""),
    (
        "core.picking",
        f"core.picking, core.network, core.preprocessing, {SHARED}",
        NO_FILES,
        "",
    ),
    ("core.network", f"core.network, core.preprocessing.sampling, {SHARED}", NO_FILES, ""),
    ("core.preprocessing", f"core.preprocessing, {SHARED}", NO_FILES, ""),
    ("core", SHARED, NO_FILES + ", torch", ""),
]
# Names that modules of several rooms have, because they mean the same in each.
ONE_MEANING = {
    "convert": "coordinate files converted: command, and what it calls",
    "demo": "the demonstration, run and told of",
    "evaluate": "picks of files against the truth: command, and what it calls",
    "extract": "particles cut out into files: command, and what it calls",
    "formats": "the registry of formats: of images, of coordinates",
    "jobs": "long work as generators: what they yield, and those of a session",
    "micrographs": "micrographs: as layers, and the dock that lists them",
    "network": "the network's folder, and its eight layers in it",
    "merge_labels": "labels of two people merged: command, and what it calls",
    "pick": "picking: of one micrograph, of files, command and dock",
    "propose_box": "the box that is proposed for files: command, and what it calls",
    "refine": "training again, on files: command, and what it calls",
    "sample": "the embedded sample: made, and opened as layers",
    "scoring": "scoring: of one micrograph, and the window's jobs that do it",
    "simulate": "simulated sets as files: command, and what it calls",
    "train": "training: of arrays, of files, command and dock",
    "training": "training: the science, and the window's jobs that do it",
}
QT = {"qtpy", "superqt", "pyqtgraph", "PyQt5", "PyQt6", "PySide2", "PySide6"}
GROUPS = {"Qt": QT, "GUI": QT | {"napari", "magicgui", "vispy"}}

PACKAGE = ROOT / "src" / "napari_deepem"
FILES = sorted(PACKAGE.rglob("*.py"))


@dataclass(frozen=True)
class Import:
    name: str  # absolute and dotted, down to the imported name
    line: int
    at_once: bool  # runs when the module is imported


def packages(cell: str) -> set[str]:
    """The top-level packages that a cell of the table names."""
    return {name for word in words(cell) for name in GROUPS.get(word, {word})}


def words(cell: str) -> list[str]:
    return [word.strip() for word in cell.split(",") if word.strip()]


def room_of(module: str) -> str:
    """The row of the table for a module: the longest that its name begins with."""
    _, _, inner = module.partition(".")
    rooms = [room for room, *_ in FLOOR_PLAN if f"{inner}.".startswith(f"{room}.")]
    return max(rooms, key=len, default=inner.split(".")[0] or "__init__")


def imports_of(source: str, module: str, *, is_package: bool = False) -> Iterator[Import]:
    """Everything that a module imports, in reading order, wherever it does so."""
    parts = module.split(".") if is_package else module.split(".")[:-1]
    todo: list[tuple[ast.AST, bool]] = [(ast.parse(source), True)]
    while todo:
        node, at_once = todo.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, at_once)
        elif isinstance(node, ast.ImportFrom):
            above = parts[: len(parts) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(f"{origin}.{alias.name}", node.lineno, at_once)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += [(child, False) for child in reversed(node.body)]
            todo += [(child, at_once) for child in reversed(node.orelse)]
        else:
            later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            children = list(ast.iter_child_nodes(node))
            todo += [(child, at_once and not later) for child in reversed(children)]


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """One line for every import of a module that the floor plan does not allow."""
    room = room_of(module)
    rows = {row[0]: row[1:] for row in FLOOR_PLAN}
    if room not in rows:
        return [f"{module}: the floor plan has no room '{room}'"]
    ours, never, inside_functions = rows[room]
    found = []
    for imported in imports_of(source, module, is_package=is_package):
        top, _, inner = imported.name.partition(".")
        if top == "napari_deepem":
            allowed = [*words(ours), "__version__"]
            allowed += [] if imported.at_once else words(inside_functions)
            wrong = not any(f"{inner}.".startswith(f"{name}.") for name in allowed)
        else:
            wrong = top in packages(never) or (
                imported.at_once and top in packages(inside_functions)
            )
        if wrong:
            found.append(f"{module}:{imported.line}: {room} may not import {imported.name} here")
    return found


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_of(*rooms: str) -> list[str]:
    modules = [module_name(path) for path in FILES]
    chosen = [module for module in modules if module.split(".")[1:2] in [[room] for room in rooms]]
    assert {module.split(".")[1] for module in chosen} == set(rooms)
    return chosen


def packages_loaded_by(*steps: Sequence[str]) -> list[set[str]]:
    """Packages in a fresh interpreter after each step, that imports some modules.

    Those at the top, and right below: scipy is large.
    """
    code = "".join(f"import sys, {', '.join(modules)}; print(*sys.modules)\n" for modules in steps)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [
        {
            part
            for name in line.split()
            for part in (name.split(".")[0], ".".join(name.split(".")[:2]))
        }
        for line in done.stdout.splitlines()
    ]


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_module_keeps_the_floor_plan(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    is_package = path.name == "__init__.py"
    assert violations(source, module_name(path), is_package=is_package) == []


def imported_modules() -> dict[str, set[str]]:
    """Every module, and those of ours that it imports, wherever it does so."""
    modules = {module_name(path): path for path in FILES}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        source, is_package = path.read_text(encoding="utf-8"), path.name == "__init__.py"
        names = {each.name for each in imports_of(source, module, is_package=is_package)}
        origins = {name if name in modules else name.rpartition(".")[0] for name in names}
        graph[module] = (origins & modules.keys()) - {module, PACKAGE.name}
    return graph


def test_no_imports_go_round_in_a_circle() -> None:
    TopologicalSorter(imported_modules()).prepare()  # raises a CycleError that names the circle


def test_no_room_may_import_one_above_it() -> None:
    rooms = [room for room, *_ in FLOOR_PLAN]
    for floor, (room, ours, _, inside_functions) in enumerate(FLOOR_PLAN):
        names = {*words(ours), *words(inside_functions)} - {*GROUPS, "torch", "core"}
        for name in names:  # all of core is below whoever may import all of it
            entered = max((r for r in rooms if f"{name}.".startswith(f"{r}.")), key=len)
            assert rooms.index(entered) >= floor, (room, name)


def test_module_names_mean_one_thing() -> None:
    rooms_of: dict[str, set[str]] = {}
    for path in FILES:
        module = module_name(path)
        rooms_of.setdefault(module.rpartition(".")[2], set()).add(module.rpartition(".")[0])
    assert {name for name, rooms in rooms_of.items() if len(rooms) > 1} == set(ONE_MEANING)


def test_no_file_is_long_and_most_are_short() -> None:
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES]
    assert max(lengths) <= 300
    assert median(lengths) < 110


def test_contributing_names_modules_that_there_are() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = text.partition("Each noun is")[2].partition("Where would a change go?")[0]
    modules = {part for path in FILES for part in module_name(path).split(".")}
    named = re.findall(r"`([a-z_]+)/?`", rooms)
    assert len(named) > 60
    assert set(named) - modules == set()


def test_contributing_shows_the_same_table() -> None:
    lines = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| room | may import of ours | never imports | only inside functions |")
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(tuple(cell.strip() for cell in line.replace("`", "").split("|")[1:-1]))
    assert rows == FLOOR_PLAN


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("napari_deepem.core.picking.candidates", "import napari.layers"),
        ("napari_deepem.core.picking.candidates", "def draw():\n    from qtpy import QtCore"),
        ("napari_deepem.core.picking.candidates", "from ...io import read_micrograph"),
        ("napari_deepem.core.picking.candidates", "from napari_deepem.io.models import load_model"),
        ("napari_deepem.core.picking.candidates", "from napari_deepem import read_micrograph"),
        ("napari_deepem.io.coordinates.star", "from ...core.typeset import Picks"),
        ("napari_deepem.session.jobs", "class Job:\n    import torch"),
        (
            "napari_deepem.widgets.docks.train",
            "if TYPE_CHECKING:\n    from ...core.training import train",
        ),
        ("napari_deepem.cli", "try:\n    import napari\nexcept ImportError:\n    pass"),
        ("napari_deepem.cli", "from napari_deepem.widgets.windows import show_results"),
        ("napari_deepem.helpers", ""),
    ],
)
def test_broken_rule_is_reported(module: str, source: str) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("napari_deepem.core.picking.candidates", "import numpy, torch\nfrom .types import Picks"),
        ("napari_deepem.io.models", "from ..core.types import Picks\nfrom .. import __version__"),
        ("napari_deepem.session.jobs", "def run():\n    import torch"),
        ("napari_deepem.cli", "def demo():\n    import napari"),
        ("napari_deepem.cli", "def demo():\n    from .widgets.windows import show_results"),
    ],
)
def test_kept_rule_is_not_reported(module: str, source: str) -> None:
    assert violations(source, module) == []


def test_package_alone_loads_no_torch_and_all_but_windows_no_gui() -> None:
    alone, science, commands = packages_loaded_by(
        ["napari_deepem"], modules_of("core", "io"), modules_of("cli", "batch")
    )
    assert "napari_deepem" in alone
    assert alone & {"torch", "napari"} == set()
    assert science & packages("GUI") == set()
    assert commands & packages("GUI") == set()


def test_opening_a_dock_loads_neither_torch_nor_pandas_nor_what_scipy_takes_long_for() -> None:
    (loaded,) = packages_loaded_by(modules_of("session", "layers", "controllers", "widgets"))
    assert loaded & {"torch", "pandas", "starfile", "matplotlib"} == set()
    assert loaded & {f"scipy.{name}" for name in ("special", "ndimage", "signal", "stats")} == set()
