"""Measure what two workers gain over one, and what the run and Dask add to each micrograph.

    nice -n -10 python benchmarks/clusters.py             # on two idle cores; as root for nice
    python benchmarks/clusters.py --micrographs 500       # minutes

Simulated micrographs are picked by the command line into two folders, by one worker and by two,
each in processes of its own; what is written is compared byte for byte. Then so many tasks of Dask
that do nothing are timed. Prints a JSON, with the load of the machine when it began and ended.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WANTED_RATIO = 0.55
TASKS = 2000
COMMAND = "from napari_deepem.cli import main; main()"


def measure(count: int) -> dict[str, Any]:
    """Seconds by one worker and by two, their ratio, whether files are equal; Dask's share."""
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        micrographs = simulated(folder / "micrographs", count)
        seconds = {workers: picking(micrographs, folder, workers) for workers in (1, 2)}
        same = content_of(folder / "picks1") == content_of(folder / "picks2")
    return {
        "micrographs": count,
        "seconds": seconds,
        "ratio": seconds[2] / seconds[1],
        "wanted": WANTED_RATIO,
        "same_bytes": same,
        "dask_ms_a_task": 1000 * seconds_of_tasks() / TASKS,
        "load": [before, os.getloadavg()[0]],
    }


def simulated(folder: Path, count: int) -> Path:
    """A folder of so many micrographs: one in eight is simulated, the others are links to it."""
    made = folder / "made"
    command = ["simulate", "--out", str(made), "--count", str(max(1, count // 8))]
    run(command)
    originals = sorted(made.glob("*.mrc"))
    links = folder / "links"
    links.mkdir()
    for index in range(count):
        (links / f"m{index:04d}.mrc").symlink_to(originals[index % len(originals)])
    return links


def picking(micrographs: Path, folder: Path, workers: int) -> float:
    """Seconds of the command, from its start to its end."""
    out = folder / f"picks{workers}"
    options = ["--box", "120", "--out", str(out), "--workers", str(workers), "--no-report"]
    started = time.perf_counter()
    run(["pick", str(micrographs), *options, "--device", "cpu", "--progress", "quiet"])
    return time.perf_counter() - started


def run(arguments: list[str]) -> None:
    """Run a command of ours in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", COMMAND, *arguments], check=True, env=environment)


def content_of(folder: Path) -> dict[str, str]:
    """A digest of each file of a run, by its name from the folder on."""
    files: Iterator[Path] = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def seconds_of_tasks() -> float:
    """Seconds in which a local cluster of two workers does tasks that do nothing."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.gather(client.map(nothing, range(100)))
        started = time.perf_counter()
        client.gather(client.map(nothing, range(100, 100 + TASKS)))
        return time.perf_counter() - started


def nothing(index: int) -> int:
    """The index."""
    return index


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micrographs", type=int, default=48)
    print(json.dumps(measure(parser.parse_args().micrographs), indent=1))
