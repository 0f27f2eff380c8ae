"""Who picks: this process, more of them here, or those of a cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from napari_deepem.core.errors import InputError

FEWEST_TO_SHARE = 100  # micrographs: for fewer, processes are not worth the seconds of their start
BYTES_OF_WORKER = 1_500_000_000  # the most that one takes for a micrograph of usual size
HAS_DASK = find_spec("distributed") is not None


@dataclass(frozen=True, slots=True)
class Workforce:
    """The processes that pick: so many here, those of a scheduler, or jobs of SLURM.

    Whatever their number, each scores by one thread, and what is written has the same bytes.
    """

    workers: int = 1
    scheduler: str | None = None  # address of a running one
    slurm_jobs: int = 0
    slurm_config: Path | None = None  # what `dask_jobqueue.SLURMCluster` is to be given, YAML

    @property
    def is_one(self) -> bool:
        """Whether this process picks by itself."""
        return self.workers == 1 and self.scheduler is None and not self.slurm_jobs


def default_workforce(n_micrographs: int, device: str) -> Workforce | None:
    """The processes for so many micrographs on a device (`torch.device.type`).

    None for this process alone, with all its threads: where there are few micrographs, or no Dask.
    On the processor there is one for each core, as far as the memory goes; else one a GPU.
    """
    if n_micrographs < FEWEST_TO_SHARE or not HAS_DASK:
        return None
    import psutil

    if device == "cuda":
        import torch

        count = torch.cuda.device_count()
    elif device == "cpu":
        room = psutil.virtual_memory().available // BYTES_OF_WORKER
        count = min(_cores(), int(room))
    else:
        count = 1
    return Workforce(count) if count > 1 else None


def require_dask(workforce: Workforce) -> None:
    """Raise InputError where a workforce needs Dask and it is not installed."""
    needed = "dask_jobqueue" if workforce.slurm_jobs else "distributed"
    if workforce.is_one or find_spec(needed) is not None:
        return
    raise InputError(
        f"several workers need {needed.replace('_', '-')}, which is not installed: "
        "pip install 'napari-deepem[cluster]', or leave out --workers"
    )


def _cores() -> int:
    """The processors that this process may use: a job of a cluster has some of them."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # of Linux alone
        return os.cpu_count() or 1
