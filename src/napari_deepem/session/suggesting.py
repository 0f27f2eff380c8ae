"""What to label next, of all scored micrographs of a session: see `label_suggestion`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_deepem.core.evaluation.label_suggestion import least_alike, rows_to_ask
from napari_deepem.core.types import FloatArray, Micrograph
from napari_deepem.io.images import read_micrograph
from napari_deepem.session.box_pictures import united
from napari_deepem.session.boxes_alike import crops_of
from napari_deepem.session.jobs import leave_a_core_to_the_window
from napari_deepem.session.state import Session

if TYPE_CHECKING:
    from napari_deepem.core.network.model import Model

AT_A_TIME = 12  # boxes
LOOKED_AT = 3  # micrographs to choose on, and as many to compare with: each takes about a second

Suggestion = Mapping[str, FloatArray]  # (k, 2) centres by micrograph, original pixels


def suggesting(
    session: Session, count: int = AT_A_TIME
) -> Callable[[], Generator[None, None, Suggestion]]:
    """The job that returns what to label next, one micrograph a step.

    Boxes are chosen on the scored micrographs that have the fewest labels and verdicts, and are
    to differ from what has any on those that have the most. Nothing is suggested where every
    candidate has one.

    Raises
    ------
    InputError
        Of the job: a file can't be read.
    """
    model, candidates, criteria = session.model, dict(session.candidates), session.series_criteria
    micrographs, files = dict(session.micrographs), dict(session.files)
    labelled_yx = {
        name: _places(session, name)
        for name in candidates
        if name not in session.excluded and (name in micrographs or name in files)
    }
    by_labels = sorted(labelled_yx, key=lambda name: len(labelled_yx[name]))
    asked, labelled = by_labels[:LOOKED_AT], [name for name in by_labels if len(labelled_yx[name])]

    def job() -> Generator[None, None, Suggestion]:
        if not asked:
            return {}
        leave_a_core_to_the_window()
        seen, known = [], []
        places: list[tuple[str, FloatArray]] = []
        for name in dict.fromkeys([*asked, *labelled[-LOOKED_AT:]]):
            yield
            micrograph = micrographs.get(name) or replace(read_micrograph(files[name]), name=name)
            threshold = criteria.on(name).lowest_score(candidates[name])
            rows = rows_to_ask(candidates[name], labelled_yx[name], threshold)
            open_yx = candidates[name].centres_yx[rows if name in asked else rows[:0]]
            features = _seen_in(micrograph, np.concatenate([open_yx, labelled_yx[name]]), model)
            seen.append(features[: len(open_yx)])
            known.append(features[len(open_yx) :])
            places += [(name, centre_yx) for centre_yx in open_yx]
        chosen = least_alike(np.concatenate(seen), np.concatenate(known), count)
        suggestion: dict[str, list[FloatArray]] = {}
        for row in chosen:
            name, centre_yx = places[row]
            suggestion.setdefault(name, []).append(centre_yx)
        return {name: np.array(centres_yx) for name, centres_yx in suggestion.items()}

    return job


def _places(session: Session, name: str) -> FloatArray:
    """(m, 2) everything on a micrograph that has a label or a verdict."""
    labels = united(session.labels.get(name), session.verdicts.get(name))
    return np.concatenate([labels.positive_yx, labels.negative_yx])


def _seen_in(micrograph: Micrograph, centres_yx: FloatArray, model: Model) -> FloatArray:
    """(n, maps) what a model sees in the boxes around (n, 2) places."""
    from napari_deepem.core.network.box_features import box_features  # brings torch

    return box_features(model.network, crops_of(micrograph, centres_yx, model))
