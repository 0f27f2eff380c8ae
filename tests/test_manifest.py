"""The npe2 manifest, as napari finds it: beside the checkout, installed, and in the wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from napari._app_model.constants import MenuId
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name

from napari_deepem.io.coordinates import FORMATS
from napari_deepem.io.coordinates import formats as coordinate_formats
from napari_deepem.io.images import DATA_SUFFIXES
from places import ROOT

MANIFEST = ROOT / "src" / "napari_deepem" / "napari.yaml"


@pytest.fixture(scope="module")
def installed() -> PluginManifest:
    return PluginManifest.from_distribution("napari-deepem")


@pytest.fixture(scope="module")
def unpacked_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as a fresh build makes it, unpacked into an empty folder."""
    built, unpacked = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("unpacked")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built)]
    done = subprocess.run([*build, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    return unpacked


def test_editable_install_has_the_manifest(installed: PluginManifest) -> None:
    assert installed == PluginManifest.from_file(MANIFEST)
    assert installed.name == "napari-deepem"
    assert installed.display_name


@pytest.mark.skipif(sys.platform == "win32", reason="git checks links out as text on Windows")
def test_manifest_at_the_root_is_a_relative_link() -> None:
    assert (ROOT / "napari.yaml").readlink() == Path("src/napari_deepem/napari.yaml")


def test_wheel_has_the_manifest(unpacked_wheel: Path, installed: PluginManifest) -> None:
    code = (
        "import napari_deepem\n"
        "from npe2 import PluginManifest\n"
        "print(napari_deepem.__file__)\n"
        "print(PluginManifest.from_distribution('napari-deepem').json(exclude={'package_metadata'}))"
    )
    environment = os.environ | {"PYTHONPATH": str(unpacked_wheel)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    where, manifest = done.stdout.splitlines()
    assert Path(where).is_relative_to(unpacked_wheel)
    assert json.loads(manifest) == json.loads(installed.json(exclude={"package_metadata"}))


def test_wheel_is_marked_as_typed(unpacked_wheel: Path) -> None:
    assert (unpacked_wheel / "napari_deepem" / "py.typed").is_file()


def test_every_command_can_be_imported(installed: PluginManifest) -> None:
    commands = installed.contributions.commands or []
    assert commands
    for command in commands:
        assert command.title
        assert callable(import_python_name(command.python_name))


def test_docks_have_their_display_names(installed: PluginManifest) -> None:
    docks = installed.contributions.widgets or []
    assert [dock.display_name for dock in docks] == [
        "Micrographs",
        "Annotate",
        "Train",
        "Pick",
        "Review",
        "Export",
    ]
    known = {command.id for command in installed.contributions.commands or []}
    assert {dock.command for dock in docks} <= known


def test_every_dock_is_in_a_menu_of_what_it_does(installed: PluginManifest) -> None:
    menus = installed.contributions.menus
    assert set(menus) <= {str(menu) for menu in MenuId.contributables()}
    offered = [item.command for items in menus.values() for item in items]
    docks = [dock.command for dock in installed.contributions.widgets or []]
    assert sorted(offered) == sorted(docks)


def test_sample_has_a_display_name(installed: PluginManifest) -> None:
    samples = installed.contributions.sample_data or []
    assert samples
    assert all(sample.display_name for sample in samples)


def test_files_of_every_format_open_by_drag_and_drop(installed: PluginManifest) -> None:
    """Pictures do without us."""
    readers = {reader.command: reader for reader in installed.contributions.readers or []}
    images = readers["napari-deepem.read_micrographs"].filename_patterns
    assert set(images) == {f"*{suffix}" for suffix in DATA_SUFFIXES}
    coordinates = readers["napari-deepem.read_coordinates"].filename_patterns
    assert set(coordinates) == {f"*{suffix}" for suffix in coordinate_formats.SUFFIXES}
    assert not set(images) & set(coordinates)


def test_points_are_saved_in_every_format_that_napari_does_not_save_itself(
    installed: PluginManifest,
) -> None:
    builtins = PluginManifest.from_distribution("napari").contributions.writers or []
    napari_has = {
        suffix
        for writer in builtins
        if "points" in writer.layer_types
        for suffix in writer.filename_extensions
    }
    assert napari_has  # whose tables of points a script that names such a file expects
    writers = {writer.command: writer for writer in installed.contributions.writers or []}
    formats = {f"napari-deepem.write_{format.name}": format for format in FORMATS}
    assert set(writers) == {
        command for command, format in formats.items() if not napari_has & set(format.suffixes)
    }
    for command, writer in writers.items():
        assert writer.layer_types == ["points"]
        assert tuple(writer.filename_extensions) == formats[command].suffixes
        assert writer.display_name == formats[command].title
