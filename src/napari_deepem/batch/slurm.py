"""Jobs of SLURM as Dask's workers, by dask-jobqueue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_deepem.batch.workforce import Workforce
from napari_deepem.core.errors import InputError

LARGEST_CONFIG = 100_000  # bytes
EXAMPLE = "queue: gpu, cores: 8, memory: 32GB, walltime: '08:00:00'"


def slurm_cluster(workforce: Workforce) -> Any:
    """The cluster of so many jobs, as its configuration has them; it starts with the first one.

    Scheduler and workers talk by TLS, with certificates that are made for the run.

    Raises
    ------
    InputError
        dask-jobqueue is not installed, or does not take the configuration.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise InputError(
            "jobs of SLURM need dask-jobqueue: pip install 'napari-deepem[cluster]'"
        ) from error
    given = {} if workforce.slurm_config is None else read_config(workforce.slurm_config)
    try:
        cluster = SLURMCluster(**{"protocol": "tls://", **given})
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{workforce.slurm_config or 'SLURM'}: {error}; give what SLURMCluster of "
            f"dask-jobqueue takes, such as {EXAMPLE}"
        ) from error
    cluster.scale(jobs=workforce.slurm_jobs)
    return cluster


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
