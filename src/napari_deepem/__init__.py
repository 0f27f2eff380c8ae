"""Pick particles in cryo-EM micrographs: clicked particles in, coordinates out.

One flow, one function a step: `read_micrograph` -> `train` -> `score` -> `find_candidates` ->
`select_picks` -> `write_coordinates`. Positions are (row, col) in pixels of the original file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_deepem.core.evaluation.metrics import evaluate
    from napari_deepem.core.network.general import general_model
    from napari_deepem.core.picking.box_proposal import propose_box
    from napari_deepem.core.picking.candidates import find_candidates
    from napari_deepem.core.picking.criteria import PickCriteria, select_picks
    from napari_deepem.core.picking.precision_estimate import estimate_precision
    from napari_deepem.core.picking.scoring import score
    from napari_deepem.core.simulation import simulate_sample
    from napari_deepem.core.training.refinement import refine
    from napari_deepem.core.training.train import train
    from napari_deepem.core.types import Candidates, Labels, Micrograph, Picks, ScoreMap
    from napari_deepem.io.coordinates import read_coordinates, write_coordinates
    from napari_deepem.io.images import read_micrograph
    from napari_deepem.io.models import load_model, save_model

__version__ = "0.1.0"
__all__ = [
    "Candidates",
    "Labels",
    "Micrograph",
    "PickCriteria",
    "Picks",
    "ScoreMap",
    "__version__",
    "estimate_precision",
    "evaluate",
    "find_candidates",
    "general_model",
    "load_model",
    "propose_box",
    "read_coordinates",
    "read_micrograph",
    "refine",
    "save_model",
    "score",
    "select_picks",
    "simulate_sample",
    "train",
    "write_coordinates",
]

_ROOM_OF = {  # looked up when first used: importing torch takes seconds
    "Candidates": "core.types",
    "Labels": "core.types",
    "Micrograph": "core.types",
    "PickCriteria": "core.picking.criteria",
    "Picks": "core.types",
    "ScoreMap": "core.types",
    "estimate_precision": "core.picking.precision_estimate",
    "evaluate": "core.evaluation.metrics",
    "find_candidates": "core.picking.candidates",
    "general_model": "core.network.general",
    "load_model": "io.models",
    "propose_box": "core.picking.box_proposal",
    "read_coordinates": "io.coordinates",
    "read_micrograph": "io.images",
    "refine": "core.training.refinement",
    "save_model": "io.models",
    "score": "core.picking.scoring",
    "select_picks": "core.picking.criteria",
    "simulate_sample": "core.simulation",
    "train": "core.training.train",
    "write_coordinates": "io.coordinates",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
