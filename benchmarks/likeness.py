"""Measure whether picks that are none lie apart from particles on the plane of likeness.

    python benchmarks/likeness.py

The general network picks real micrographs at a low threshold, so that many picks are wrong; labels
say which, and are not shown to it. Prints a JSON of each set: how many picks are right; of each
group how many, and the share that is right; what is left, and lost, if the groups that are mostly
wrong are rejected; and how well a pick's neighbours on the plane, and in all components, tell what
it is (the area under the ROC curve, 0.5 by chance). Labels are incomplete: shares are lower bounds.
What the network's maps are summed by was chosen while looking at both of these sets.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import sets
from scipy.spatial import KDTree
from scipy.stats import rankdata

from napari_deepem.core.evaluation.likeness import groups_alike, principal_components
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.network.box_features import ring_features
from napari_deepem.core.network.general import general_model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.types import FloatArray
from napari_deepem.session.boxes_alike import crops_of

THRESHOLD = 0.35
NEIGHBOURS = 15
MOSTLY = 0.5


def measure(name: str) -> dict[str, Any]:
    """What the plane tells of the picks of a labelled set."""
    labelled = sets.load(name)
    model = general_model(labelled.box_px)
    features, right = [], []
    for micrograph, truth_yx in [*labelled.training, *labelled.test]:
        candidates = find_candidates(score(micrograph, model))
        rows = PickCriteria(THRESHOLD, model.std_range).rows_of(candidates)
        picks_yx = candidates.centres_yx[rows]
        away_px = nearest_distances(picks_yx, truth_yx)
        right.append(away_px <= SAME_PARTICLE_BOXES * labelled.box_px)
        features.append(ring_features(model.network, crops_of(micrograph, picks_yx, model)))
    components, is_right = principal_components(np.concatenate(features)), np.concatenate(right)
    groups = groups_alike(components)
    parts = [is_right[groups == group] for group in range(groups.max() + 1)]
    kept = np.concatenate([part for part in parts if part.mean() >= MOSTLY])
    return {
        "picks": len(is_right),
        "right": share(is_right),
        "groups: picks, share that is right": [[len(part), share(part)] for part in parts],
        "without groups that are mostly wrong": {
            "picks": len(kept),
            "right": share(kept),
            "right ones lost": round(float(1 - kept.sum() / is_right.sum()), 3),
        },
        "told by neighbours on the plane": told_by_neighbours(components[:, :2], is_right),
        "told by neighbours in all components": told_by_neighbours(components, is_right),
    }


def told_by_neighbours(places: FloatArray, is_right: Any) -> float:
    """The area under the ROC curve of the share of a pick's neighbours that are right."""
    scaled = places / places.std(axis=0)
    _, nearest = KDTree(scaled).query(scaled, NEIGHBOURS + 1)
    ranks = rankdata(is_right[nearest[:, 1:]].mean(axis=1))
    n_right = int(is_right.sum())
    above = ranks[is_right].sum() - n_right * (n_right + 1) / 2
    return round(float(above / (n_right * (len(is_right) - n_right))), 3)


def share(mask: Any) -> float:
    return round(float(mask.mean()), 3)


if __name__ == "__main__":
    print(json.dumps({name: measure(name) for name in ("bgal 0", "apoferritin")}, indent=2))
