"""The threshold of the general network: where F2 is best on made micrographs of its own kind."""

from __future__ import annotations

import numpy as np
from training import MARGIN_PX, Pool

from napari_deepem.core.evaluation.metrics import evaluate
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.scoring import score_prepared


def best_threshold(network: Network, pool: Pool) -> float:
    """The threshold with the highest F2 on micrographs that were not trained on."""
    inner = slice(MARGIN_PX, -MARGIN_PX)
    every = PickCriteria(0.0, None)
    network = network.eval()
    picks = [
        every.picks_of(find_candidates(finish(score_prepared(image, network))))
        for image in pool.images[:, inner, inner].astype(np.float32)
    ]
    truth = [centres_yx - MARGIN_PX for centres_yx in pool.centres_yx]
    radius_px = SAME_PARTICLE_BOXES * network.architecture.box_px
    evaluation = evaluate(picks, truth, radius_px)
    return float(evaluation.thresholds[evaluation.f2s.argmax()])
