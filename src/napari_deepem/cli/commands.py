"""All commands, known to the application as soon as they are imported."""

from napari_deepem.cli import (
    convert,
    demo,
    evaluate,
    extract,
    merge_labels,
    pick,
    propose_box,
    refine,
    relion_pick,
    run_report,
    simulate,
    train,
    tune,
    view,
)
from napari_deepem.cli.app import run_command

__all__ = [
    "convert",
    "demo",
    "evaluate",
    "extract",
    "merge_labels",
    "pick",
    "propose_box",
    "refine",
    "relion_pick",
    "run_command",
    "run_report",
    "simulate",
    "train",
    "tune",
    "view",
]
