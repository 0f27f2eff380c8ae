"""The picks of a session laid out by their likeness, and why each is picked."""

from __future__ import annotations

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.box_features import box_features, ring_features
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.scoring import score, score_crops, scores_by_rotation
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Candidates
from napari_deepem.session import Scored, Session
from napari_deepem.session.boxes_alike import AT_A_TIME, SeenBoxes, comparing, crops_of
from napari_deepem.session.peak_sizes import PeakSizes
from napari_deepem.session.pick_reasons import explaining
from napari_deepem.session.review_gallery import gallery, making_gallery

MICROGRAPH, BLOBS_YX = blob_micrograph(1)
EMPTY_YX = np.random.default_rng(2).uniform(0, 30, (6, 2))  # in a corner


@pytest.fixture
def session() -> Session:
    """The same micrograph twice, with blobs and a few empty places as candidates."""
    session = Session(box_size_px=BOX_PX, threshold=0.5)
    session.micrographs = {"a": MICROGRAPH, "b": MICROGRAPH}
    network = Network(Architecture.for_box(BOX_PX)).eval()
    session.model = Model(network, "modern", BOX_PX, Sampling(1), None, 0.5, (0.0, 9.0))
    session.min_distance_px = 0.0
    places_yx = np.concatenate([BLOBS_YX, EMPTY_YX])
    count = len(places_yx)
    scores = np.linspace(0.99, 0.6, count)
    session.candidates = {
        name: Candidates(places_yx, scores, np.ones(count), BOX_PX) for name in "ab"
    }
    return session


def test_like_picks_lie_together_on_all_micrographs(session: Session) -> None:
    alike = finish(comparing(session, ["a", "b"], SeenBoxes())())
    assert len(alike.gallery) == 2 * (len(BLOBS_YX) + len(EMPTY_YX)) == len(alike.places)
    on_a, on_b = (alike.gallery.which == index for index in (0, 1))
    np.testing.assert_allclose(alike.places[on_a], alike.places[on_b], atol=1e-4)
    np.testing.assert_array_equal(alike.groups[on_a], alike.groups[on_b])
    is_empty = alike.gallery.rows >= len(BLOBS_YX)
    first = alike.places[:, 0]
    assert abs(first[is_empty].mean() - first[~is_empty].mean()) > first[~is_empty].std()


def test_what_was_seen_is_kept_until_model_or_candidates_change(session: Session) -> None:
    seen = SeenBoxes()
    job = comparing(session, ["a", "b"], seen)()
    for news in job:
        if news.done:
            break
    job.close()  # stopped
    known = seen.of("a", session.candidates["a"])
    assert 0 < len(known) == news.done <= AT_A_TIME
    before = dict(known)
    finish(comparing(session, ["a"], seen)())
    assert all(known[row] is features for row, features in before.items())
    assert not seen.of("a", session.candidates["b"])
    finish(comparing(session, ["b"], seen)())
    assert not seen.by(object()).of("b", session.candidates["b"])  # type: ignore[arg-type]


def test_nothing_to_compare_is_an_empty_plane(session: Session) -> None:
    session.threshold = 1.0
    alike = finish(comparing(session, ["a"], SeenBoxes())())
    assert (len(alike.gallery), alike.places.shape, alike.groups.shape) == (0, (0, 2), (0,))


def test_rings_together_are_the_whole_box(session: Session) -> None:
    network, crops = session.model.network, crops_of(MICROGRAPH, BLOBS_YX[:5], session.model)
    rings, maps = ring_features(network, crops), network.architecture.maps[-1]
    turned = ring_features(network, np.rot90(crops, axes=(1, 2)))
    np.testing.assert_allclose(rings, turned, atol=1e-5)
    whole = box_features(network, crops)
    low, high = (reduce(rings.reshape(5, -1, maps), axis=1) for reduce in (np.min, np.max))
    assert ((whole >= low - 1e-6) & (whole <= high + 1e-6)).all()


def test_score_of_a_box_is_the_mean_of_its_rotations(session: Session) -> None:
    network, crops = session.model.network, crops_of(MICROGRAPH, BLOBS_YX[:5], session.model)
    by_rotation = scores_by_rotation(crops, network)
    np.testing.assert_allclose(by_rotation.mean(axis=1), score_crops(crops, network))
    turned = scores_by_rotation(np.rot90(crops, axes=(1, 2)), network)
    np.testing.assert_allclose(np.roll(by_rotation, -1, axis=1), turned, atol=1e-6)


def scored(session: Session) -> None:
    """Score the first micrograph, in earnest."""
    score_map = score(MICROGRAPH, session.model)
    each = Scored(MICROGRAPH, session.model, score_map, find_candidates(score_map))
    session.scored = {"a": each}
    session.threshold = 0.0


def test_reasons_are_those_of_the_criteria(session: Session) -> None:
    scored(session)
    shown = gallery(session, ["a"], "best")
    session.std_range = (0.0, 0.01)
    reasons = finish(explaining(session, shown, 0, PeakSizes())())
    assert reasons.rotation_scores.mean() == pytest.approx(shown.scores[0], abs=0.02)
    assert reasons.pictures.shape == (4, BOX_PX, BOX_PX)
    np.testing.assert_array_equal(np.rot90(reasons.pictures[0]), reasons.pictures[1])
    assert reasons.next_px == np.inf  # no other pick has such a std
    assert 0 < reasons.peak_px < 3 * BOX_PX
    first, second = reasons.lines
    assert f"Score {shown.scores[0]:.2f}, {shown.scores[0]:.2f} above the threshold" in first
    assert "not within 0.00 to 0.01" in second
    assert f"score peak {reasons.peak_px:.0f} px wide" in second
    session.std_range = (0.0, 9.0)
    near = finish(explaining(session, shown, 0, PeakSizes())())
    others_px = np.hypot(*(shown.centres_yx[1:] - shown.centres_yx[0]).T)
    assert near.next_px == pytest.approx(others_px.min())
    assert f"next pick at {near.next_px:.0f} px" in near.lines[1]


def test_reasons_of_what_is_gone_are_none(session: Session) -> None:
    shown = gallery(session, ["a"], "best")
    session.candidates = {}
    assert explaining(session, shown, 0, PeakSizes()) is None


def test_gallery_in_the_order_of_peaks_has_those_without_a_score_map_last(session: Session) -> None:
    scored(session)
    sizes = PeakSizes()
    job = making_gallery(session, ["a", "b"], "peak_large", peak_sizes=sizes)
    shown = finish(job())
    known = ~np.isnan(shown.peaks_px)
    assert known.tolist() == sorted(known.tolist(), reverse=True)
    assert set(shown.which[known].tolist()) == {0}  # b was never scored here
    assert (np.diff(shown.peaks_px[known]) <= 0).all()
    assert sizes.of("a", session.candidates["a"], None)[shown.rows[0]] == shown.peaks_px[0]  # type: ignore[arg-type]
