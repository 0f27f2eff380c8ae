"""What pyproject.toml promises."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version

import napari_deepem
from places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    """Distribution names with their extras, in lower case."""
    return {re.split(r"[<>=!~;\s]", line, maxsplit=1)[0].lower() for line in requirements}


def test_base_install_brings_no_qt_binding() -> None:
    bindings = {"pyqt5", "pyqt6", "pyside2", "pyside6"}
    base = names(PROJECT["dependencies"])
    assert base & bindings == set()
    assert not any(name.startswith("napari[") for name in base)
    assert names(PROJECT["optional-dependencies"]["all"]) == {"napari[pyqt6]"}


def test_every_imported_distribution_is_a_dependency() -> None:
    imported: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.split(".")[0])
    foreign = imported - sys.stdlib_module_names - {"napari_deepem"}
    distributions = packages_distributions()
    needed = {
        distributions.get(package, [package])[0].lower().replace("_", "-") for package in foreign
    }
    extras = PROJECT["optional-dependencies"]
    optional = names(extras["tune"]) | names(extras["cluster"]) - {"cryptography"}  # Dask's TLS
    assert needed - names(PROJECT["dependencies"]) == optional


def test_constraints_pin_torch_and_every_dependency() -> None:
    lines = (ROOT / "constraints-dev.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pins["torch"] == "2.13.0"
    wanted = names(PROJECT["dependencies"]) | names(PROJECT["optional-dependencies"]["dev"])
    assert {name for name in wanted if "[" not in name} <= set(pins)


def test_version_is_stated_once() -> None:
    assert version("napari-deepem") == PROJECT["version"] == napari_deepem.__version__


def test_package_is_marked_as_typed() -> None:
    assert (ROOT / "src" / "napari_deepem" / "py.typed").is_file()
