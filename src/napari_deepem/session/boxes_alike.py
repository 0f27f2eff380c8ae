"""The picks of a session by their likeness, as the model sees them: see `likeness`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.evaluation.likeness import GROUPS, groups_alike, principal_components
from napari_deepem.core.jobs import BoxesCompared, passed_on
from napari_deepem.core.preprocessing.prepare import prepare_micrograph
from napari_deepem.core.training.crops import PaddedImage, box_corners
from napari_deepem.core.types import Candidates, Float32Array, FloatArray, Micrograph
from napari_deepem.io.images import read_micrograph
from napari_deepem.session.gallery_rows import Gallery
from napari_deepem.session.jobs import leave_a_core_to_the_window
from napari_deepem.session.peak_sizes import PeakSizes
from napari_deepem.session.review_gallery import making_gallery
from napari_deepem.session.state import Session

if TYPE_CHECKING:
    from napari_deepem.core.network.model import Model

AT_A_TIME = 128  # boxes; then a job can be stopped


@dataclass(frozen=True, eq=False, slots=True)
class BoxesAlike:
    """Picks on a plane on which like ones lie together, and the groups that they make."""

    gallery: Gallery
    places: FloatArray  # (n, 2) first and second component
    groups: NDArray[np.int64]  # (n,) from 0, the largest first


class SeenBoxes:
    """What a model has seen in boxes so far, as long as their candidates are the same."""

    def __init__(self, model: Model | None = None) -> None:
        self._model = model
        self._known: dict[str, tuple[Candidates, dict[int, Float32Array]]] = {}

    def by(self, model: Model) -> SeenBoxes:
        """What this model has seen: nothing yet if it is another one."""
        return self if model is self._model else SeenBoxes(model)

    def of(self, name: str, candidates: Candidates) -> dict[int, Float32Array]:
        """What was seen in a micrograph's candidates, by their index; to be added to."""
        known = self._known.get(name)
        if known is None or known[0] is not candidates:
            self._known[name] = known = candidates, {}
        return known[1]


def comparing(
    session: Session, names: Sequence[str], seen: SeenBoxes, peak_sizes: PeakSizes | None = None
) -> Callable[[], Generator[BoxesCompared, None, BoxesAlike]]:
    """The job that returns these micrographs' picks by their likeness.

    What it sees in boxes is added to `seen`, also when it is stopped, and sizes of score peaks to
    `peak_sizes`, if given. The session is read here, on the caller's thread.

    Raises
    ------
    InputError
        Of the job: a file can't be read.
    """
    model, candidates = session.model, session.candidates
    micrographs, files = dict(session.micrographs), dict(session.files)
    making = making_gallery(session, names, "position", peak_sizes=peak_sizes)

    def micrograph_of(name: str) -> Micrograph:
        return micrographs.get(name) or replace(read_micrograph(files[name]), name=name)

    def job() -> Generator[BoxesCompared, None, BoxesAlike]:
        gallery = yield from passed_on(making(), lambda _: BoxesCompared(0, 0))
        leave_a_core_to_the_window()
        done = 0
        for index, name in enumerate(gallery.names):
            rows = gallery.rows[gallery.which == index].tolist()
            known = seen.of(name, candidates[name])
            unseen = [row for row in rows if row not in known]
            done += len(rows) - len(unseen)
            if unseen:
                micrograph = micrograph_of(name)
                crops = crops_of(micrograph, candidates[name].centres_yx[unseen], model)
            for first in range(0, len(unseen), AT_A_TIME):
                part = slice(first, first + AT_A_TIME)
                known.update(zip(unseen[part], _seen_in(crops[part], model), strict=True))
                done += len(unseen[part])
                yield BoxesCompared(done, len(gallery))
        if not done:
            return BoxesAlike(gallery, np.empty((0, 2)), np.empty(0, dtype=np.int64))
        features = _joined(gallery, [seen.of(name, candidates[name]) for name in gallery.names])
        components = principal_components(features)
        places = np.zeros((len(gallery), 2))
        places[:, : components.shape[1]] = components[:, :2]
        return BoxesAlike(gallery, places, groups_alike(components, GROUPS))

    return job


def crops_of(micrograph: Micrograph, centres_yx: FloatArray, model: Model) -> Float32Array:
    """(n, box, box) network pixels around (n, 2) places, original pixels, as a model sees them."""
    prepared = prepare_micrograph(micrograph, model.box_size_px, model.sampling)
    corners = box_corners(model.sampling.to_network(centres_yx), model.box_px)
    return PaddedImage.of(prepared, model.box_px).cut(corners, model.box_px)


def _seen_in(crops: Float32Array, model: Model) -> Float32Array:
    from napari_deepem.core.network.box_features import ring_features  # brings torch

    return ring_features(model.network, crops).astype(np.float32)


def _joined(gallery: Gallery, known: Sequence[dict[int, Float32Array]]) -> FloatArray:
    """(n, features) what was seen in a gallery's rows."""
    places = zip(gallery.which.tolist(), gallery.rows.tolist(), strict=True)
    return np.array([known[index][row] for index, row in places], dtype=np.float64)
