import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.pick import pick_candidates
from napari_deepem.core.picking.scoring import score
from networks import lively_model


@pytest.fixture(scope="module")
def model() -> Model:
    return lively_model(BOX_PX)


def test_picks_of_a_micrograph_pass_threshold_range_and_distance(model: Model) -> None:
    candidates = find_candidates(score(blob_micrograph(1)[0], model))
    criteria = PickCriteria(0.6, (0.5, 1.4), min_distance_px=15.0)
    picks, evidence = pick_candidates(candidates, model, criteria)
    np.testing.assert_array_equal(picks.centres_yx, criteria.picks_of(candidates).centres_yx)
    assert 0 < len(picks) < len(candidates)
    assert evidence is None  # nothing was held out
