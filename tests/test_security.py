"""What SECURITY.md promises, watched by Python's own audit events while commands run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image
from places import ROOT

WATCH = """
import json, os, sys

SENT = "socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"
RUN = "pickle.find_class", "marshal.loads", "os.system", "os.exec", "os.posix_spawn"
CHANGED = "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"
events = []

def watch(event, arguments):
    if event in SENT:
        events.append(["sent", str(arguments)])
    elif event in RUN or event == "subprocess.Popen" and arguments[0] != "fc-list":  # matplotlib's
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if not caller.startswith(("importlib", "_frozen_importlib", "zipimport")):
            events.append(["run", f"{event} by {caller}: {arguments}"[:300]])
    elif event in CHANGED or event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        for path in arguments[: 2 if event in ("os.rename", "os.link") else 1]:
            if not isinstance(path, int):
                events.append(["written", os.path.abspath(os.fsdecode(path))])

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from cli_runs import quick_training, run
sys.addaudithook(watch)
with quick_training(batches=2, epochs=2):
    codes = [run(*command) for command in json.loads(sys.argv[2])]
print("\\nwatched", json.dumps([codes, events]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data`, `out`, `home` and `tmp`."""
    place = tmp_path_factory.mktemp("place").resolve()
    for name in ("data", "out", "home", "tmp"):
        (place / name).mkdir()
    for seed in (1, 2, 3):
        micrograph, centres_yx = blob_micrograph(seed)
        path = place / "data" / f"{micrograph.name}.mrc"
        write_image(path, micrograph.image, micrograph.pixel_size)
        write_coordinates(path.with_suffix(".star"), Picks(centres_yx, box_size_px=BOX_PX))
    return place


@pytest.fixture(scope="module")
def events(place: Path) -> list[tuple[str, str]]:
    """What commands did with `data`, told to write into `out`."""
    labels = ["--coords", "../data", "--box", str(BOX_PX)]
    commands = [
        ["train", "../data", *labels, "--out", "model"],
        ["pick", "../data", "--model", "model.safetensors", "--out", "picks"],
        ["evaluate", "picks", "--truth", "../data", "--box", str(BOX_PX), "--plot", "curves.png"],
        [
            "refine",
            "../data",
            "--model",
            "model.safetensors",
            "--accepted",
            "picks",
            "--out",
            "more",
        ],
        ["simulate", "--count", "1", "--size", "300", "300", "--particles", "1", "--out", "made"],
    ]
    # torch puts its cache's place there, once it is loaded in this process
    untouched = {name: value for name, value in os.environ.items() if "INDUCTOR" not in name}
    outcome = subprocess.run(
        [sys.executable, "-c", WATCH, ROOT / "tests", json.dumps(commands)],
        cwd=place / "out",
        env={**untouched, "HOME": str(place / "home"), "TMPDIR": str(place / "tmp")},
        capture_output=True,
        text=True,
        check=True,
    )
    codes, events = json.loads(outcome.stdout.rsplit("\nwatched", 1)[1])
    assert codes == [0] * len(commands), outcome.stderr
    return [(kind, told) for kind, told in events]


def test_nothing_is_sent(events):
    assert [told for kind, told in events if kind == "sent"] == []


def test_nothing_of_a_file_is_run(events):
    assert [told for kind, told in events if kind == "run"] == []


def test_all_that_is_written_lies_where_it_was_told_to(events, place):
    written = {Path(told) for kind, told in events if kind == "written"}
    allowed = (place / "out", place / "home", place / "tmp", Path(os.devnull))
    assert {place / "out" / "model.safetensors", place / "out" / "picks"} <= written
    assert [path for path in written if not any(map(path.is_relative_to, allowed))] == []
