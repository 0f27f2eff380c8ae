"""Jobs of SLURM as Dask's workers, by dask-jobqueue."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from dask_jobqueue import SLURMCluster
from dask_jobqueue.slurm import SLURMJob
from distributed import Security, Status

from napari_deepem.batch.worker_start import deaf_to_interrupts, start_workers
from napari_deepem.batch.workforce import Workforce
from napari_deepem.core.errors import InputError

LARGEST_CONFIG = 100_000  # bytes
ALONE_S = 90  # without a job: one that has ended is told of, and submitted anew, after 15
EXAMPLE = "queue: gpu, cores: 8, memory: 32GB, walltime: '08:00:00'"


class Jobs:
    """So many jobs, which go on waiting or working until the block is left.

    Scheduler and workers talk by TLS, with certificates that are made for the run and lie, for its
    jobs, in a folder in the user's home that nobody else may read.

    Raises
    ------
    InputError
        SLURM is not there, or does not take the configuration. Later: all jobs have failed.
    """

    cluster: Any

    def __init__(self, workforce: Workforce) -> None:
        config = workforce.slurm_config
        self._name = str(config or "SLURM")
        self._given = {} if config is None else read_config(config)
        self._count = workforce.slurm_jobs
        self._last_there = monotonic()
        self._stack = ExitStack()

    def __enter__(self) -> Jobs:
        with ExitStack() as stack:
            try:
                with deaf_to_interrupts():
                    cluster = SLURMCluster(**self._options(self._private_folder(stack)))
            except (TypeError, ValueError) as error:
                raise InputError(
                    f"{self._name}: {' '.join(str(error).split())}; give what SLURMCluster of "
                    f"dask-jobqueue takes, such as {EXAMPLE}"
                ) from error
            self.cluster = stack.enter_context(cluster)
            self._submit(dict.fromkeys(range(self._count), cluster.new_spec))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def _private_folder(self, stack: ExitStack) -> Path:
        """A folder that jobs of this user can read, and nobody else, until the stack is closed."""
        given = self._given.get("shared_temp_directory", "~/.cache/napari-deepem")
        place = Path(str(given)).expanduser()
        try:
            place.mkdir(parents=True, exist_ok=True)
            return Path(stack.enter_context(TemporaryDirectory(prefix="run-", dir=place)))
        except OSError as error:
            raise InputError(
                f"{place}: {error.strerror or error}; the certificates of jobs go there: check "
                "rights, or give shared_temp_directory"
            ) from error

    def _options(self, folder: Path) -> dict[str, Any]:
        """What the cluster is given: as the user says, and else one process a core."""
        given = self._given
        options = {"security": _certificates(folder), **given}
        if "cores" in given:
            options.setdefault("processes", given["cores"])
        # Each process scores by one thread, and reads by another; their pages are for themselves.
        arguments = ["--nthreads", "2", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        options["worker_extra_args"] = [*arguments, *given.get("worker_extra_args", [])]
        pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
        options["scheduler_options"] = {**pages, **given.get("scheduler_options", {})}
        return {**options, "job_cls": _Job}

    def keep_up(self) -> None:
        """Submit jobs anew that have ended; InputError where none is left, nor waits."""
        if self.cluster.scheduler.workers or self._is_one_queued():
            self._last_there = monotonic()
        elif monotonic() - self._last_there > ALONE_S:
            raise InputError(
                f"{self._name}: the jobs end without picking; see what they write, slurm-JOB.out "
                "here unless log_directory says otherwise; what was picked is kept"
            )
        self._submit()

    def _submit(self, jobs: dict[Any, Any] | None = None) -> None:
        """Submit more jobs, and those anew that have ended."""
        try:
            start_workers(self.cluster, jobs or {})
        except (RuntimeError, OSError) as error:
            reason = " ".join(str(error).partition("stderr:")[2].split()) or str(error)
            raise InputError(f"{self._name}: SLURM takes no job: {reason}") from error

    def _is_one_queued(self) -> bool:
        """Whether one of the jobs waits or runs, as far as SLURM says."""
        numbers = ",".join(job.job_id for job in self.cluster.workers.values() if job.job_id)
        command = ["squeue", "--noheader", "--format=%i", f"--jobs={numbers}"]
        queue = subprocess.run(command, capture_output=True, text=True, check=False)
        return bool(queue.stdout.strip()) or (
            queue.returncode != 0 and "Invalid job id" not in queue.stderr
        )


class _Job(SLURMJob):
    """A job that has failed where it could not be submitted: dask-jobqueue 0.9 can't close it."""

    async def start(self) -> None:
        """Submit the job."""
        self.status = Status.failed
        await super().start()


def _certificates(folder: Path) -> Security:
    """Certificates made for one run, in files."""
    made = Security.temporary().get_tls_config_for_role("worker")
    files = {}
    for part in ("ca_file", "cert", "key"):
        (path := folder / part).write_text(made[part], "ascii")
        files[part] = str(path)
    roles = {
        f"tls_{role}_{part}": files[part]
        for role in ("scheduler", "worker", "client")
        for part in ("cert", "key")
    }
    return Security(require_encryption=True, tls_ca_file=files["ca_file"], **roles)


def read_config(path: Path) -> dict[str, Any]:
    """The entries of a file of YAML, by name; InputError for any other file."""
    import yaml

    try:
        if path.stat().st_size > LARGEST_CONFIG:
            raise InputError(f"{path}: too large for a configuration; check what file it is")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; check the path") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise InputError(f"{path}: expected names and values, such as {EXAMPLE}")
    return content
