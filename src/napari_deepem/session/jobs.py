"""The long jobs of a session: generators that yield progress and return a result.

Each imports what it needs when it runs, on the thread that runs it: torch takes seconds to load.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Labels, Micrograph
from napari_deepem.session.state import Scored, Session

if TYPE_CHECKING:
    from napari_deepem.core.model import LabelledMicrograph, Model
    from napari_deepem.core.refinement import MicrographRead
    from napari_deepem.core.scoring import TilesDone
    from napari_deepem.core.training import EpochDone


def training(session: Session) -> Callable[[], Generator[EpochDone, None, Model]]:
    """Make the job that trains on every annotated micrograph, with the parameters as they are now.

    The session is read here, on the caller's thread; the job itself touches it no more.
    """
    annotated = session.annotated()
    micrographs = [session.micrographs[name] for name in annotated]
    labels = list(annotated.values())
    chosen: dict[str, Any] = {
        "box_size_px": session.box_size_px,
        "binning": session.binning,
        "recipe_name": session.recipe,
        "epochs": session.epochs or None,
        "seed": session.seed,
        "labels_complete": session.labels_complete,
    }

    def job() -> Generator[EpochDone, None, Model]:
        from napari_deepem.core.settings import TrainingSettings
        from napari_deepem.core.training import train_epochs

        _leave_a_core_to_the_window()
        return train_epochs(micrographs, labels, TrainingSettings(**chosen))

    return job


def refining(
    session: Session, verdicts: Mapping[str, Labels]
) -> Callable[[], Generator[MicrographRead | EpochDone, None, Model]]:
    """Make the job that trains the session's model again with verdicts on open micrographs.

    What the model was trained on is read from its file where it is not open. The session is read
    here, on the caller's thread. For verdicts see `core.verification.verified_labels`.
    """
    model, micrographs = session.model, dict(session.micrographs)

    def micrograph_of(item: LabelledMicrograph) -> Micrograph:
        from napari_deepem.io.micrographs import read_micrograph

        if item.name in micrographs:
            return micrographs[item.name]
        if item.source is None:
            raise InputError(f"the model was trained on {item.name}: open that micrograph too")
        return read_micrograph(item.source)

    def job() -> Generator[MicrographRead | EpochDone, None, Model]:
        from napari_deepem.core.model import LabelledMicrograph
        from napari_deepem.core.refinement import refine_epochs, settings_of

        _leave_a_core_to_the_window()
        verified = [
            LabelledMicrograph(name, labels, complete=False, source=micrographs[name].source)
            for name, labels in verdicts.items()
        ]
        return refine_epochs(model, verified, micrograph_of, settings_of(model))

    return job


def score(micrograph: Micrograph, model: Model) -> Generator[TilesDone, None, Scored]:
    """Score one micrograph and find its candidates."""
    from napari_deepem.core.picking import find_candidates
    from napari_deepem.core.scoring import score_tiles

    _leave_a_core_to_the_window()
    score_map = yield from score_tiles(micrograph, model)
    return Scored(micrograph, model, score_map, find_candidates(score_map))


def remark_on(scored: Scored) -> str | None:
    """Say in a sentence what is odd about a micrograph for its model; None if nothing is."""
    from napari_deepem.core.model import pixel_size_remark

    return pixel_size_remark(scored.micrograph, scored.model)


def _leave_a_core_to_the_window() -> None:
    """Keep the thread that calls from using every core.

    Where its threads have to wait for a core that draws the window, torch loses much more than
    that core: on a busy machine with two, training took fifteen times as long. Fewer threads, as
    OMP_NUM_THREADS asks for, stay as they are.
    """
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 2) - 1)))


def load(path: Path) -> Generator[None, None, Model]:
    """Load a model file."""
    from napari_deepem.io.models import load_model

    yield
    return load_model(path)


def save(model: Model, path: Path) -> Path:
    """Save a model; adds the suffix .safetensors where there is none. Returns the path."""
    from napari_deepem.io.models import save_model

    return save_model(model, path)
