"""Background for the user to look at: drawn at random, away from what may be a particle."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.geometry import nearest_distances
from napari_deepem.core.network.general import general_model
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.suppression import keep_best_apart
from napari_deepem.core.training.dataset import Field, prepare_fields
from napari_deepem.core.training.resemblance import resembling
from napari_deepem.core.types import Candidates, FloatArray, Micrograph
from napari_deepem.session.state import Session

FEWEST_DRAWN = 10
TRIED = 4000  # random places, of which some are chosen
APART_BOXES = 0.5  # from each other
AWAY_BOXES = (1.0, 0.8, 0.6, 0.5)  # from labels and lookalikes: as far as there is room
SUSPICIOUS = 0.25  # of the threshold: what a trained network scores higher may be a particle


def drawing_background(session: Session) -> Generator[None, None, FloatArray]:
    """The job that draws background on the current micrograph; it returns (n, 2) centres.

    They are original pixels, as many as its particles outnumber its negatives, and ten at least;
    fewer where there is no room. They keep away from every label and from whatever else looks like
    a particle to the session's network or, where nothing is trained yet, like the labelled
    particles or a pick of the general network. The session is read here, on the caller's thread.

    Raises
    ------
    InputError
        Of the job: the box does not fit, or particles leave no room.
    """
    name = session.current or ""
    micrograph, labels = session.micrographs[name], session.labels_of(name)
    model, candidates = session.model, session.candidates.get(name)
    box_size_px, sampling = session.box_size_px, session.chosen_sampling
    is_trained = session.trained_model is not None
    rng = np.random.default_rng([session.seed, len(labels.negative_yx)])  # others the next time
    count = max(FEWEST_DRAWN, len(labels.positive_yx) - len(labels.negative_yx))

    def job() -> Generator[None, None, FloatArray]:
        yield
        box_px = sampling.box_px(box_size_px)
        (field,) = prepare_fields([micrograph], [labels], box_size_px, sampling)
        network = model or general_model(box_size_px)
        least = network.threshold * (SUSPICIOUS if is_trained else 1)
        suspects_yx = sampling.to_network(_suspects(micrograph, network, candidates, least))
        if not is_trained:  # the general network may not know these particles
            suspects_yx = np.concatenate([suspects_yx, resembling(field, box_px)])
        clear = replace(field, avoid_yx=np.concatenate([field.avoid_yx, suspects_yx]))
        drawn_yx = _drawn(clear, count, box_px, rng)
        return np.round(sampling.to_original(drawn_yx))

    return job()


def _suspects(
    micrograph: Micrograph, model: Model, candidates: Candidates | None, least: float
) -> FloatArray:
    """(n, 2) centres, original pixels, of what a model scores so high, or higher."""
    if candidates is None:
        from napari_deepem.core.picking.candidates import find_candidates
        from napari_deepem.core.picking.scoring import score

        candidates = find_candidates(score(micrograph, model))
    return candidates.centres_yx[candidates.scores >= least]


def _drawn(field: Field, count: int, box_px: int, rng: np.random.Generator) -> FloatArray:
    """Up to (count, 2) centres, as far from all that the field avoids as there is room for them."""
    places_yx = rng.uniform(0, np.array(field.prepared.shape) - 1, (TRIED, 2))
    distances = nearest_distances(places_yx, field.avoid_yx)
    most = np.empty((0, 2))
    for away in AWAY_BOXES:
        free_yx = places_yx[distances > away * box_px]
        apart_yx = free_yx[keep_best_apart(free_yx, APART_BOXES * box_px)]
        if len(apart_yx) >= count:
            return apart_yx[:count]
        most = max(most, apart_yx, key=len)
    if not len(most):
        raise InputError(
            "no background is left here: particles, or what looks like them, are everywhere; draw "
            "it on another micrograph, or mark non-particles by hand"
        )
    return most
