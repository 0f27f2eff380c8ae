"""Why a candidate is picked, or is not: what the network and the criteria say of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

import numpy as np

from napari_deepem.core.geometry import nearest_distances
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import FloatArray
from napari_deepem.io.images import read_micrograph
from napari_deepem.session.box_pictures import Pictures, box_of, pictures_of
from napari_deepem.session.boxes_alike import crops_of
from napari_deepem.session.gallery_rows import Gallery
from napari_deepem.session.peak_sizes import MapsAtHand, PeakSizes
from napari_deepem.session.state import Session

TURNS = 4


@dataclass(frozen=True, eq=False, slots=True)
class PickReasons:
    """What speaks for and against one candidate; lengths in original pixels."""

    rotation_scores: FloatArray  # (4,) of the box as it is, and turned by 90, 180 and 270 degrees
    pictures: Pictures  # (4, box, box) of these
    score: float
    std: float
    peak_px: float  # width of the score peak; NaN: not known
    next_px: float  # to the next pick; infinite without another one
    criteria: PickCriteria

    @property
    def lines(self) -> tuple[str, str]:
        """What they say, in two short lines."""
        above = self.score - self.criteria.threshold
        side = "above" if above >= 0 else "below"
        first = f"Score {self.score:.2f}, {abs(above):.2f} {side} the threshold"
        parts = [f"std {self.std:.2f}{self._where_std()}"]
        if not np.isnan(self.peak_px):
            parts.append(f"score peak {self.peak_px:.0f} px wide")
        if np.isfinite(self.next_px):
            parts.append(f"next pick at {self.next_px:.0f} px")
        mean = self.rotation_scores.mean()
        return f"{first}; four rotations: mean {mean:.2f}", ", ".join(parts).capitalize()

    def _where_std(self) -> str:
        if self.criteria.std_range is None:
            return ""
        low, high = self.criteria.std_range
        is_within = low <= self.std <= high
        return f" ({'within' if is_within else 'not within'} {low:.2f} to {high:.2f})"


def explaining(
    session: Session, gallery: Gallery, row: int, peak_sizes: PeakSizes
) -> Callable[[], Generator[None, None, PickReasons]] | None:
    """The job that returns why a gallery's row is picked; None where it is gone.

    A candidate's score is the mean of the four, smoothed over its neighbourhood where the model
    says so, on a grid of box centres: it is not quite the mean of those told. The session is read
    here, on the caller's thread.

    Raises
    ------
    InputError
        Of the job: the micrograph's file can't be read.
    """
    name, model, criteria = gallery.name_of(row), session.model, session.series_criteria
    candidates = session.candidates.get(name)
    micrograph, path = session.micrographs.get(name), session.files.get(name)
    if model is None or candidates is None or (micrograph is None and path is None):
        return None
    maps, low_pass = MapsAtHand(session), session.display.low_pass
    centre_yx = gallery.centres_yx[row][None]
    index, pixel_size = int(gallery.rows[row]), session.given_pixel_size

    def job() -> Generator[None, None, PickReasons]:
        from napari_deepem.core.picking.scoring import scores_by_rotation  # brings torch

        yield
        image = micrograph
        if image is None:
            assert path is not None
            image = replace(read_micrograph(path, pixel_size), name=name)
        (scores,) = scores_by_rotation(crops_of(image, centre_yx, model), model.network)
        yield
        size_px, sampling = model.box_size_px, model.sampling
        (picture,) = box_of(pictures_of(image, centre_yx, size_px, sampling, low_pass))
        adaptive = criteria.on(name)
        plain = replace(adaptive, threshold=adaptive.lowest_score(candidates), mixture=None)
        picked = plain.rows_of(candidates)
        others_yx = candidates.centres_yx[picked[picked != index]]
        return PickReasons(
            scores,
            np.stack([np.rot90(picture, turns) for turns in range(TURNS)]),
            float(gallery.scores[row]),
            float(gallery.stds[row]),
            float(peak_sizes.of(name, candidates, maps)[index]),
            float(nearest_distances(centre_yx, others_yx)[0]),
            plain,
        )

    return job
