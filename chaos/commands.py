"""What is killed: commands on a few small micrographs, and a program that writes a session."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image
from napari_deepem.io.session_file import SessionFile
from napari_deepem.io.session_places import SESSION_FILE

BOX_PX = 24
MICROGRAPHS = 3
PARTICLES = 9
MRC_LABELS = slice(224, 1024)  # of a header, bytes
MODEL = "before.safetensors"
SESSION_WRITER = Path(__file__).with_name("session_writer.py")
MAIN = "from napari_deepem.cli import main; main()"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

LINES = {
    "train": f"train data --coords data --box {BOX_PX} --epochs 1 --out new/trained",
    "pick": f"pick data --model {MODEL} --out new/picks --format box,star,csv --score-maps "
    "--keep-scores",
    "refine": f"refine data --model {MODEL} --accepted data --forget --epochs 1 --out new/refined",
    "tune": f"tune data --coords data --box {BOX_PX} --minutes 0.001 --out new/tuned",
    "simulate": "simulate --count 3 --size 320 320 --particles 2 --out new/set",
    "session": "",
}


@dataclass(frozen=True)
class Command:
    """A command line, or the session's writer, run in a folder that `prepare` has filled."""

    name: str

    @property
    def arguments(self) -> list[str]:
        return LINES[self.name].split()

    def start(self, folder: Path, output: Path) -> subprocess.Popen[bytes]:
        """A process of its own; what it says goes into a file."""
        code = [str(SESSION_WRITER), "data"] if self.name == "session" else ["-c", MAIN]
        with output.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, *code, *self.arguments],
                cwd=folder,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    def run_here(self) -> None:
        """Run it in this process and this folder."""
        if self.name == "session":
            from session_writer import write_session

            write_session(Path("data"))
        else:
            from napari_deepem.cli import main

            main(self.arguments)

    def content(self, folder: Path) -> dict[str, bytes]:
        """All files in the folder, hidden ones too, without what tells the time."""
        files = (path for path in sorted(folder.rglob("*")) if not path.is_dir())
        return {str(path.relative_to(folder)): _timeless(path) for path in files}


def _timeless(path: Path) -> bytes:
    if path.name == SESSION_FILE:  # the same content may be stored in several ways
        file = SessionFile(path)
        stored = file.read()
        file.close()
        points = {
            (name, kind): centres_yx.tolist()
            for name, kinds in stored.points.items()
            for kind, centres_yx in kinds.items()
        }
        return repr((sorted(stored.settings.items()), sorted(points.items()))).encode()
    if path.name.endswith("-study.jsonl"):  # dates, and the trials that were interrupted
        return b""
    if "-trials." in path.name:  # the seconds that each took
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="," if path.suffix == ".csv" else "|"))
        seconds = rows[0].index("seconds" if path.suffix == ".csv" else " seconds ")
        return repr([row[:seconds] + row[seconds + 1 :] for row in rows]).encode()
    content = path.read_bytes()
    if path.suffix == ".mrc":  # its labels hold the date
        return content[: MRC_LABELS.start] + content[MRC_LABELS.stop :]
    return content


def prepare(folder: Path) -> None:
    """Make micrographs of dark discs, their coordinates, and a model trained on them."""
    for number in range(1, MICROGRAPHS + 1):
        rng = np.random.default_rng(number)
        image = rng.normal(size=(160, 160))
        rows, cols = np.mgrid[:160, :160]
        centres_yx = np.array([(r, c) for r in (32, 80, 128) for c in (32, 80, 128)], float)
        centres_yx += rng.integers(-8, 9, (PARTICLES, 2))
        for row, col in centres_yx:
            image -= 3.0 * (np.hypot(rows - row, cols - col) < BOX_PX / 4)
        path = folder / "data" / f"discs_{number}.mrc"
        write_image(path, image.astype(np.float32), 2.0)
        write_coordinates(path.with_suffix(".csv"), Picks(centres_yx))


def make_model(folder: Path, run: Callable[[Command, Path], None]) -> None:
    """Train the model that others pick with."""
    run(Command("train"), folder)
    (folder / "new" / "trained.safetensors").rename(folder / MODEL)
    (folder / "new").rmdir()
