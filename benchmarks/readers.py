"""Measure how quickly coordinate files of a million rows are read, and in how much memory.

    python benchmarks/readers.py                  # every format, rows a second and MB
    python benchmarks/readers.py star cbox

Each file is written by the package itself and read in a process of its own: seconds of the
processor, and what the process grows by at most.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import (
    FORMATS,
    MicrographPicks,
    format_called,
    open_source,
    write_coordinate_set,
)

ROWS = 1_000_000
MICROGRAPHS = 1000  # of a file for many
SHAPE = (4096, 4096)


def micrographs(count: int, rows: int) -> list[MicrographPicks]:
    """Picks at random, with scores."""
    rng = np.random.default_rng(0)
    return [
        MicrographPicks(
            f"m{number:04}",
            Picks(rng.integers(100, 4000, (rows, 2)) + 0.0, rng.random(rows), 180),
            path=f"Micrographs/m{number:04}.mrc",
            shape=SHAPE,
            pixel_size=1.0,
        )
        for number in range(count)
    ]


def measure(path: Path) -> tuple[float, float]:
    """Seconds, and MB above what the process had."""
    before, start = _peak_mb(), time.process_time()
    open_source(path)
    return time.process_time() - start, _peak_mb() - before


def _peak_mb() -> float:
    """Of this program alone: `getrusage` counts what its parent had, too. Linux only."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(names: list[str]) -> None:
    """Print a line a format."""
    for name in names:
        format = format_called(name)
        count = MICROGRAPHS if format.is_one_file else 1
        with tempfile.TemporaryDirectory() as folder:
            path = write_coordinate_set(folder, micrographs(count, ROWS // count), name)[0]
            told = subprocess.run(
                [sys.executable, __file__, "--file", str(path)], capture_output=True, text=True
            )
        print(f"{name:10} {told.stdout.strip() or told.stderr.strip().splitlines()[-1]}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--file"]:
        seconds, megabytes = measure(Path(sys.argv[2]))
        print(f"{seconds:.1f} s, {ROWS / seconds:,.0f} rows a second, {megabytes:.0f} MB")
    else:
        main(sys.argv[1:] or [format.name for format in FORMATS])
