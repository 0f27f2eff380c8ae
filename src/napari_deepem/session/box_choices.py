"""Boxes to choose from before anything is marked, with pictures of what they would hold."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import scipy

from napari_deepem.core.jobs import BoxSizesTried
from napari_deepem.core.network.general import general_sampling
from napari_deepem.session.box_pictures import Pictures, pictures_of
from napari_deepem.session.state import Session


@dataclass(frozen=True, eq=False, slots=True)
class PicturedBox:
    """A box that may be right, and the general network's best picks in such boxes."""

    box_size_px: int
    score: float  # the median of what the best candidates get, 0 to 1
    pictures: Pictures  # (n, side, side), the best first


def picturing_boxes(
    session: Session, count: int
) -> Callable[[], Generator[BoxSizesTried, None, tuple[PicturedBox, ...]]]:
    """The job that proposes boxes for the current micrograph, `count` pictures of each.

    The likeliest comes first, see `core.picking.box_proposal`. The session is read here, on the
    caller's thread.
    """
    micrograph, low_pass = session.micrographs[session.current or ""], session.display.low_pass

    def job() -> Generator[BoxSizesTried, None, tuple[PicturedBox, ...]]:
        from napari_deepem.core.picking.box_proposal import proposing_box  # brings torch

        proposal = yield from proposing_box([micrograph])
        boxes = []
        for choice in proposal.choices:
            box_size_px = choice.box_size_px
            sampling = general_sampling(box_size_px)
            best_yx = choice.picks.centres_yx[:count]
            pictures = pictures_of(micrograph, best_yx, box_size_px, sampling, low_pass)
            boxes.append(
                PicturedBox(box_size_px, float(scipy.special.expit(choice.strength)), pictures)
            )
        return tuple(boxes)

    return job
