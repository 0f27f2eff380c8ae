"""Where a run keeps what it has on record: in one folder, beside the picks. Nothing is loaded."""

from __future__ import annotations

from pathlib import Path

RUN = "napari-deepem.run"  # the folder of records, in that of the picks
MANIFEST, MODEL = "manifest.json", "model.safetensors"  # in it


def is_run(folder: Path) -> bool:
    """Whether a run has picked into a folder."""
    return manifest_path(folder).is_file()


def manifest_path(folder: Path) -> Path:
    """The file of what the run of a folder was asked to do."""
    return folder / RUN / MANIFEST


def model_path(folder: Path) -> Path:
    """The model file of the run of a folder."""
    return folder / RUN / MODEL
