"""What is suggested to be labelled next, of the micrographs of a session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.box_features import box_features
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Candidates, FloatArray, Labels
from napari_deepem.io.images import write_image
from napari_deepem.session import Session, suggesting
from napari_deepem.session.suggesting import Suggestion

MICROGRAPH, BLOBS_YX = blob_micrograph(1)
CORNER_YX = np.array([[3.0, 3.0]])  # nothing of the kind is anywhere else


def suggestion_of(session: Session, count: int = 3) -> Suggestion:
    return finish(suggesting.suggesting(session, count)())


def candidates(*centres_yx: FloatArray) -> Candidates:
    places_yx = np.concatenate(centres_yx)
    return Candidates(places_yx, np.full(len(places_yx), 0.9), np.ones(len(places_yx)), BOX_PX)


@pytest.fixture
def session() -> Session:
    """The same micrograph twice; on the second one a corner is a candidate besides the blobs."""
    session = Session(box_size_px=BOX_PX, threshold=0.5)
    session.micrographs = {"a": MICROGRAPH, "b": MICROGRAPH}
    network = Network(Architecture.for_box(BOX_PX)).eval()
    session.model = Model(network, "modern", BOX_PX, Sampling(1), None, 0.5, (0.0, 9.0))
    session.candidates = {"a": candidates(BLOBS_YX), "b": candidates(BLOBS_YX, CORNER_YX)}
    return session


def test_what_is_unlike_all_that_is_labelled_comes_first(session: Session) -> None:
    session.labels = {"a": Labels.of(BLOBS_YX[:5])}
    session.verdicts = {"a": Labels.of(BLOBS_YX[5:7], BLOBS_YX[7:])}
    suggestion = suggestion_of(session, count=1)
    assert list(suggestion) == ["b"]
    np.testing.assert_array_equal(suggestion["b"], CORNER_YX)


def test_labelled_places_and_excluded_micrographs_are_not_asked(session: Session) -> None:
    session.labels = {"b": Labels.of(BLOBS_YX[1:], CORNER_YX)}
    session.excluded = frozenset("a")
    suggestion = suggestion_of(session)
    assert list(suggestion) == ["b"]
    np.testing.assert_array_equal(suggestion["b"], BLOBS_YX[:1])
    session.excluded = frozenset("ab")
    assert suggestion_of(session) == {}


def test_micrographs_with_the_fewest_labels_are_asked(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggesting, "LOOKED_AT", 1)
    session.labels = {"a": Labels.of(BLOBS_YX[:2]), "b": Labels.of(BLOBS_YX[:1])}
    assert list(suggestion_of(session)) == ["b"]
    session.verdicts = {"b": Labels.of(BLOBS_YX[3:5])}
    assert list(suggestion_of(session)) == ["a"]


def test_what_is_not_in_memory_is_read(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.mrc"
    write_image(path, MICROGRAPH.image, pixel_size=2.0)
    session.labels = {"a": Labels.of(BLOBS_YX)}
    session.micrographs = {"a": MICROGRAPH}
    assert suggestion_of(session) == {}  # the other one was closed
    session.files = {"b": path}
    np.testing.assert_array_equal(suggestion_of(session, count=1)["b"], CORNER_YX)
    path.unlink()
    with pytest.raises(InputError, match="elsewhere"):
        suggestion_of(session)


def test_box_is_seen_alike_however_it_is_turned() -> None:
    network = Network(Architecture.for_box(BOX_PX)).eval()
    crops = np.random.default_rng(0).normal(size=(300, BOX_PX, BOX_PX)).astype(np.float32)
    seen = box_features(network, crops)
    assert seen.shape == (300, network.architecture.maps[-1])
    np.testing.assert_allclose(box_features(network, np.rot90(crops, axes=(1, 2))), seen, atol=1e-5)
    np.testing.assert_allclose(box_features(network, crops[:3]), seen[:3], atol=1e-5)
    assert seen.std(axis=0).max() > 0
