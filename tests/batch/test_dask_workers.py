"""Dask's workers pick what one process picks, whoever of them is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import Client, Security

from blobs import blob_micrograph
from cli_runs import run
from deadly_picker import DeadlyPicker
from napari_deepem.batch import dask_clusters, dask_workers
from napari_deepem.batch.dask_workers import LOST, pick_by
from napari_deepem.batch.picker import Picker
from napari_deepem.batch.run_folder import RunFolder
from napari_deepem.batch.scorer import Scorer
from napari_deepem.batch.workforce import Workforce
from napari_deepem.cli.signals import STOPPED
from napari_deepem.core.errors import InputError
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.io.images import write_image
from napari_deepem.io.models import load_model, save_model
from napari_deepem.io.pick_records import read_description
from networks import lively_model
from patience import PATIENCE_S
from worker_runs import Run, picked_files, temporary_files

if sys.platform == "win32":
    pytest.skip("signals are those of POSIX", allow_module_level=True)

DEADLY = "m2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six micrographs, a model, and what this process picks of them by one thread."""
    folder = tmp_path_factory.mktemp("picking")
    for seed in range(6):
        micrograph, _ = blob_micrograph(seed)
        write_image(folder / "data" / f"m{seed}.mrc", micrograph.image, 2.0)
    save_model(lively_model(24), folder / "model.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(*PICK, "--out", "expected", "--workers", 1) == 0
    return folder


PICK = ("pick", "data", "--model", "model.safetensors", "--format", "box,star")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Micrographs are tried alone as soon as one worker is lost."""
    monkeypatch.setitem(dask_clusters.SETTINGS, "distributed.scheduler.allowed-failures", 0)


def picker(folder: Path, out: str) -> Picker:
    model = load_model(folder / "model.safetensors")
    criteria = PickCriteria(model.threshold, model.std_range, model.min_distance_px)
    output = RunFolder(Path(out), ("box", "star"))
    return Picker(Scorer(model, None, "auto", False), criteria, output)


def test_micrographs_beside_a_lost_worker_are_picked_and_the_one_that_costs_it_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # relative paths
    (once := folder / "once").touch()
    paths = sorted(Path("data").iterdir())
    harmless = picker(folder, "lost")
    deadly = DeadlyPicker(harmless.scorer, harmless.criteria, harmless.output, False, DEADLY, once)
    done = list(pick_by(Workforce(2), [(path, False) for path in paths], deadly))
    assert sorted(each.name for each in done) == [path.stem for path in paths]
    assert {each.name: each.remark for each in done if each.n_picks is None} == {
        DEADLY: f"data/{DEADLY}.mrc: {LOST}"
    }
    described = read_description(folder / "lost", DEADLY)
    assert described is not None
    assert described.state == "failed"

    path = Path("data") / f"{DEADLY}.mrc"
    assert harmless.pick(path, lambda: harmless.source_of(path)).n_picks is not None
    assert picked_files(folder / "lost") == picked_files(folder / "expected")


@contextmanager
def users_cluster(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a scheduler with a worker, both started as a user does, and the scheduler."""
    dask = [sys.executable, "-m", "dask"]
    file = folder / "scheduler.json"
    options = ["--host", "127.0.0.1", "--no-dashboard"]
    scheduler = subprocess.Popen(
        [*dask, "scheduler", "--port", "0", *options, "--scheduler-file", file],
        stderr=subprocess.DEVNULL,
    )
    worker = subprocess.Popen(
        [*dask, "worker", "--nthreads", "1", *options, "--scheduler-file", file],
        stderr=subprocess.DEVNULL,
    )
    try:
        with Client(scheduler_file=str(file), timeout=PATIENCE_S, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=PATIENCE_S)
            address = client.scheduler.address
        yield address, scheduler
    finally:
        for process in (worker, scheduler):
            process.terminate()
        for process in (worker, scheduler):
            process.wait(PATIENCE_S)


def test_workers_of_a_running_scheduler_pick_and_its_loss_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    with users_cluster(folder) as (address, scheduler):
        assert run(*PICK, "--out", "theirs", "--scheduler", address) == 0
        assert picked_files(folder / "theirs") == picked_files(folder / "expected")

        tasks = [(path, False) for path in sorted(Path("data").iterdir())]
        with monkeypatch.context() as patch:
            patch.setattr(dask_workers, "__version__", "0.0")
            with pytest.raises(InputError, match=r"has napari-deepem .*, here is 0\.0: install"):
                list(pick_by(Workforce(scheduler=address), tasks, picker(folder, "gone")))
        monkeypatch.setitem(dask_clusters.SETTINGS, "distributed.comm.timeouts.connect", "5s")
        job = pick_by(Workforce(scheduler=address), tasks, picker(folder, "gone"))
        assert next(job).n_picks is not None
        scheduler.send_signal(signal.SIGKILL)
        with pytest.raises(InputError, match="the cluster is gone; what was picked is kept"):
            list(job)
    monkeypatch.setattr(dask_clusters, "ANSWER_S", 2)  # nobody does
    capsys.readouterr()
    assert run(*PICK, "--out", "gone", "--scheduler", address) == 2
    assert capsys.readouterr().err == (
        f"napari-deepem: no Dask scheduler answers at {address}: start one, or mend the address\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_that_is_stopped_leaves_no_process_and_no_temporary_file(
    folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    picking = Run(*PICK[1:], "--out", tmp_path, "--workers", 2, cwd=folder)
    next(picking.micrographs())
    assert len(picking.workers()) == 2
    assert picking.kill(number) == (128 + number, f"{STOPPED}\n")
    assert temporary_files(tmp_path) == []


def test_scheduler_here_is_of_this_machine_and_takes_nobody_but_this_run() -> None:
    with dask_clusters._local_cluster() as cluster, Client(cluster, set_as_default=False):
        address = cluster.scheduler_address
        assert address.startswith("tls://127.0.0.1:")
        with pytest.raises(OSError, match=r"(?i)ssl|certificate|connect"):
            Client(address, security=Security.temporary(), timeout=2, set_as_default=False)
        with pytest.raises(OSError, match=r"(?i)closed|connect"):
            Client(address.replace("tls", "tcp"), timeout=2, set_as_default=False)


def test_workers_are_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_clusters, "ALONE_S", -1)
    monkeypatch.setattr(dask_workers, "LOOK_S", 0.01)
    with dask_clusters._local_cluster() as cluster, Client(cluster) as client:
        patience = dask_clusters._Patience(client, "at the address: start some")
        tasks = iter([(Path("m1.mrc"), False)])
        with pytest.raises(InputError, match="there are no workers at the address: start some"):
            list(dask_workers._handed_out(client, patience.check, tasks))
