"""The long jobs of a session: generators that yield progress and return a result.

Each imports what needs torch when it runs, on the thread that runs it: that takes seconds to load.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_deepem.batch.scorer import Scorer, Scores
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import BatchesDone, EpochDone, MicrographRead, TilesDone, never
from napari_deepem.core.network.general import general_model
from napari_deepem.core.network.model import Model
from napari_deepem.core.training.box_size import suggest_box
from napari_deepem.core.training.dataset import prepare_fields
from napari_deepem.core.types import Micrograph
from napari_deepem.io.images import read_pixel_size, read_shape
from napari_deepem.io.models import load_model, save_model
from napari_deepem.session.state import Session
from napari_deepem.session.training_input import TrainingInput, training_settings

if TYPE_CHECKING:
    from napari_deepem.core.training.refinement import RefinementStart

TrainingProgress = MicrographRead | BatchesDone | TilesDone | EpochDone


def training(
    session: Session, stop: Callable[[], bool] = never
) -> Callable[[], Generator[TrainingProgress, None, Model]]:
    """The job that trains on all labels and verdicts, with the parameters as they are now.

    The session is read here, on the caller's thread; the job itself touches it no more, and reads
    the files of what is not in memory. For `stop` see `core.training.train`.
    """
    training_input, given = TrainingInput.of(session), training_settings(session)

    def job() -> Generator[TrainingProgress, None, Model]:
        from napari_deepem.core.training.train import train_fields

        leave_a_core_to_the_window()
        items = training_input.items()
        complete = all(item.complete for item in items)
        settings = replace(given, labels_complete=complete)
        fields = []
        for item in items:
            micrograph = training_input.micrograph_of(item)
            fields += prepare_fields(
                [micrograph], [item.labels], settings.box_size_px, settings.chosen_sampling
            )
            yield MicrographRead(len(fields), len(items))
        return (yield from train_fields(fields, settings, stop=stop))

    return job


def refining(
    session: Session, start: RefinementStart = "anew", stop: Callable[[], bool] = never
) -> Callable[[], Generator[TrainingProgress, None, Model]]:
    """The job that trains the session's model again with the labels and verdicts since.

    What the model was trained on is read from its file where it is not open. The session is read
    here, on the caller's thread. For `start` and `stop` see `core.training.refinement`.
    """
    training_input, model, epochs = TrainingInput.of(session), session.model, session.epochs or None

    def job() -> Generator[TrainingProgress, None, Model]:
        from napari_deepem.core.training.refinement import refine_epochs, settings_of

        leave_a_core_to_the_window()
        refined = yield from refine_epochs(
            training_input.without(model),
            training_input.items(),
            training_input.micrograph_of,
            settings_of(model, epochs, start=start),
            stop,
        )
        return replace(refined, inherited=training_input.inherited_by(model))

    return job


@dataclass(frozen=True, eq=False, slots=True)
class LabelSurvey:
    """What advice on labels needs beside them."""

    box_px: int | None  # suggested by particles in memory; None: can't tell
    headers: dict[str, tuple[tuple[int, int], float | None]]  # of labelled micrographs on disk

    def tell(self, session: Session) -> None:
        """Write it into the session that it is of, on the main thread."""
        session.headers = {**self.headers, **session.headers}
        session.suggested_box_px = self.box_px


def surveying_labels(session: Session) -> Callable[[], Generator[None, None, LabelSurvey]]:
    """The job that suggests a box, and reads the headers of labelled files as far as they tell."""
    labels = session.labelled()
    micrographs = {name: each for name, each in session.micrographs.items() if name in labels}
    with_labels = labels.keys() | session.with_verdicts().keys()
    given_pixel_size = session.given_pixel_size
    files = {n: path for n, path in session.files.items() if n in with_labels - {*session.headers}}

    def job() -> Generator[None, None, LabelSurvey]:
        yield
        headers = {}
        for name, path in files.items():
            with suppress(InputError):  # who opens that file is told
                headers[name] = read_shape(path), given_pixel_size or read_pixel_size(path)
            yield
        box_px = suggest_box(micrographs.values(), [labels[name] for name in micrographs])
        return LabelSurvey(box_px, headers)

    return job


def score(
    scorer: Scorer,
    name: str,
    path: Path | None,
    micrograph: Micrograph | None,
    first_yx: tuple[float, float] | None = None,
) -> Generator[TilesDone, None, Scores]:
    """The job that gives the scores of one micrograph, new or kept ones, see `Scorer.source_of`.

    What is around `first_yx`, original pixels, comes first: there the user looks.
    """
    leave_a_core_to_the_window()
    source = scorer.source_of(path, micrograph, name)
    return (yield from scorer.scores_of(source, first_yx))


def leave_a_core_to_the_window() -> None:
    """Keep this thread from using every core.

    Where its threads have to wait for a core that draws the window, torch loses much more than
    that core: on a busy machine with two, training took fifteen times as long. Fewer threads, as
    OMP_NUM_THREADS asks for, stay as they are.
    """
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 2) - 1)))


def general(box_size_px: int) -> Generator[None, None, Model]:
    """The job that gives the general network as a model for boxes of so many original pixels."""
    yield
    return general_model(box_size_px)


def load(path: Path) -> Generator[None, None, Model]:
    """The job that loads a model file: of another session, whatever was said in that stays."""
    yield
    return replace(load_model(path), inherited=None)


def save(model: Model, path: Path) -> Path:
    """The path that a model is saved to: `path`, with .safetensors where it has no such suffix."""
    return save_model(model, path)
