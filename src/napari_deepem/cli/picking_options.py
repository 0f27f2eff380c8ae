"""What the options of commands that pick stand for: a model, criteria, and who picks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_deepem.cli.app import errors
from napari_deepem.cli.options import Threshold, rising
from napari_deepem.cli.propose_box import follow_proposing
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.devices import DeviceName

if TYPE_CHECKING:
    from napari_deepem.batch.workforce import Workforce
    from napari_deepem.core.network.model import Model
    from napari_deepem.core.picking.criteria import PickCriteria


def workforce_for(
    workers: int | str,
    scheduler: str | None,
    cluster: str | None,
    jobs: int | None,
    config: Path | None,
) -> Workforce | None:
    """Who is to pick, if options say so; InputError where they say two things."""
    from napari_deepem.batch.workforce import Workforce

    if (cluster is None) != (jobs is None):
        raise InputError("--cluster slurm and --jobs N go together: give both, or none")
    ways = [workers != "auto", scheduler is not None, jobs is not None]
    if sum(ways) > 1:
        raise InputError("--workers, --scheduler and --cluster: give one of them")
    if config is not None and jobs is None:
        raise InputError("--cluster-config goes with --cluster slurm --jobs N")
    if scheduler is not None:
        return Workforce(scheduler=scheduler)
    if jobs is not None:
        return Workforce(slurm_jobs=jobs, slurm_config=config)
    return None if isinstance(workers, str) else Workforce(workers)


def criteria_for(
    model: Model,
    threshold: Threshold,
    adaptive_threshold: bool,
    std_range: tuple[float, float] | None,
    min_distance: float | None,
) -> PickCriteria:
    """The criteria that options give, and else the model.

    Raises
    ------
    InputError
        The range does not rise, or the model learnt nothing of scores, by which thresholds adapt.
    """
    from napari_deepem.core.picking.criteria import PickCriteria
    from napari_deepem.core.picking.score_evidence import mixture_in

    mixture = mixture_in(model.summary) if adaptive_threshold else None
    if adaptive_threshold and mixture is None:
        raise InputError(f"--adaptive-threshold: {_why_not_adaptive(model)}, or leave that out")
    return PickCriteria(
        threshold=model.threshold if threshold == "f2" else threshold,
        std_range=model.std_range if std_range is None else rising(std_range),
        min_distance_px=model.min_distance_px if min_distance is None else min_distance,
        mixture=mixture,
    )


def _why_not_adaptive(model: Model) -> str:
    from napari_deepem.core.network.general import is_general

    if is_general(model):
        return (
            "the general network has learnt nothing of your particles' scores; train a model on "
            "them and give it by --model"
        )
    return (
        "the model does not tell how scores are distributed: too few labels were held out of its "
        "training, or an earlier version made it; train it again, with more labels"
    )


def model_for(
    paths: Sequence[Path], path: Path | None, box: int | str | None, device: DeviceName
) -> Model:
    """The model in a file, or the general network for a box, which may have to be proposed."""
    from napari_deepem.core.network.general import general_model
    from napari_deepem.io.models import load_model

    if path is not None:
        trained = load_model(path)
        if box not in (None, trained.box_size_px):
            raise InputError(
                f"--box {box}, but {path} was trained with boxes of {trained.box_size_px} px: "
                "leave out --box, or --model to pick with the general network"
            )
        return trained
    if box is None:
        raise InputError(
            "what is to pick? Give --model, or --box (px, or auto) for the general network"
        )
    if isinstance(box, str):
        choices = follow_proposing(paths, device, errors).choices
        box, *others = (choice.box_size_px for choice in choices)
        errors.print(f"box of {box} px, less likely {' or '.join(map(str, others))} px")
    return general_model(box)
