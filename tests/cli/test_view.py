"""`napari-deepem view`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cli_runs import Refusal
from napari_deepem.cli.signals import STOPPED
from napari_deepem.io.session_file import SessionFile
from napari_deepem.io.session_places import SESSION_FILE
from patience import PATIENCE_S

LABEL_AND_TELL = """
import sys
import napari
from qtpy.QtCore import QTimer
from napari_deepem.cli import main
from napari_deepem.controllers import viewer_link

def label():
    link = next(iter(viewer_link._LINKS.values()), None)
    if link is None or link.session.current not in link.session.micrographs:
        return
    timer.stop()
    link.start_labelling("positive").add([[11.0, 12.0]])  # is not written yet
    print("labelled", flush=True)

def run():
    global timer
    timer = QTimer()
    timer.timeout.connect(label)
    timer.start(10)
    run_napari()

run_napari, napari.run = napari.run, run
main(["view", sys.argv[1]])
"""


@pytest.mark.parametrize(
    ("folder", "message"),
    [("none", "none: cannot be opened"), ("bare", "no micrographs there")],
)
@pytest.mark.usefixtures("wrong_paths")
def test_folder_that_cannot_be_viewed(refusal: Refusal, folder: str, message: str) -> None:
    assert message in refusal("view", folder)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.usefixtures("qapp")
def test_window_that_is_to_end_saves_the_last_click(data: Path) -> None:
    """Item 4: SIGTERM, here where Ctrl-C is ignored, as in a shell's background."""

    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    with subprocess.Popen(
        [sys.executable, "-c", LABEL_AND_TELL, str(data)],
        env={**os.environ, "QT_QPA_PLATFORM": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=ignore,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        _, shown = process.communicate(timeout=PATIENCE_S)
    assert (line, process.returncode) == ("labelled\n", 143), shown
    assert shown == f"{STOPPED}\n"
    file = SessionFile(data / SESSION_FILE)
    stored = file.read()
    file.close()
    np.testing.assert_array_equal(stored.points["blobs_1"]["positive"], [[11.0, 12.0]])
