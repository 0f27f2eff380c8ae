"""Background for the user to look at: negatives drawn as training draws them."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from napari_deepem.core.training.dataset import prepare_fields
from napari_deepem.core.training.settings import TrainingSettings, sampling_of
from napari_deepem.core.types import FloatArray
from napari_deepem.session.state import Session

FEWEST_DRAWN = 10


def drawing_background(session: Session) -> Generator[None, None, FloatArray]:
    """The job that draws background on the current micrograph; it returns (n, 2) centres.

    They are original pixels, as many as its particles outnumber its negatives, and ten at least.
    The session is read here, on the caller's thread.

    Raises
    ------
    InputError
        Of the job: the box does not fit, or the labels leave no room.
    """
    name = session.current or ""
    micrograph, labels = session.micrographs[name], session.labels_of(name)
    settings = TrainingSettings(session.box_size_px, sampling_of(session.binning), session.recipe)
    count = max(FEWEST_DRAWN, len(labels.positive_yx) - len(labels.negative_yx))

    def job() -> Generator[None, None, FloatArray]:
        yield
        sampling = settings.chosen_sampling
        (field,) = prepare_fields([micrograph], [labels], settings.box_size_px, sampling)
        away_px = settings.recipe.background_distance * settings.network_box_px
        drawn_yx = field.draw_background(count, away_px, np.random.default_rng())
        return np.round(sampling.to_original(drawn_yx))

    return job()
