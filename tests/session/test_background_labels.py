"""Background that is drawn where only some particles are labelled (E.5)."""

from types import SimpleNamespace

import numpy as np
import pytest

from blobs import BOX_PX, blob_centres, blob_image, blob_micrograph
from napari_deepem.core.errors import InputError
from napari_deepem.core.geometry import nearest_distances
from napari_deepem.core.jobs import finish
from napari_deepem.core.types import Candidates, Labels, Micrograph
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.io.images import read_micrograph
from napari_deepem.session import Session
from napari_deepem.session.background_labels import drawing_background


def session_on(micrograph: Micrograph, labels: Labels, box_size_px: int = BOX_PX) -> Session:
    name = micrograph.name
    session = Session(box_size_px=box_size_px, micrographs={name: micrograph}, binning=1)
    session.current, session.labels = name, {name: labels}
    return session


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_background_keeps_clear_of_particles_that_nobody_has_labelled(seed: int) -> None:
    micrograph, centres_yx = blob_micrograph(seed, shape=(260, 280), count=30)
    session = session_on(micrograph, Labels.of(centres_yx[:4]))
    drawn_yx = finish(drawing_background(session))
    assert len(drawn_yx) == 10
    assert nearest_distances(drawn_yx, centres_yx).min() > BOX_PX / 2 - 1
    away = nearest_distances(drawn_yx, centres_yx[:4])
    assert away.min() > BOX_PX / 2 - 1


def test_background_keeps_clear_of_what_a_network_takes_for_particles() -> None:
    micrograph, centres_yx = blob_micrograph(1)
    session = session_on(micrograph, Labels.of(centres_yx[:1]))
    session.model = SimpleNamespace(
        threshold=0.8,
        std_range=(0.0, 9.0),
        min_distance_px=None,
        box_size_px=BOX_PX,
        recipe="modern",
        summary={},
    )
    suspect_yx = np.array([[55.0, 35.0], [55.0, 105.0]])
    scores = np.array([0.21, 0.19])  # of which a quarter of the threshold is reached by one
    session.candidates = {micrograph.name: Candidates(suspect_yx, scores, np.ones(2), BOX_PX)}
    drawn_yx = np.concatenate([finish(drawing_background(session)) for _ in range(20)])
    first, second = (nearest_distances(suspect_yx[[at]], drawn_yx)[0] for at in (0, 1))
    assert first > BOX_PX / 2 - 1
    assert second < BOX_PX / 2


def test_background_keeps_clear_of_what_the_general_network_picks() -> None:
    micrograph, centres_yx = blob_micrograph(1)
    session = session_on(micrograph, Labels.of(centres_yx[:1]))
    session.model = SimpleNamespace(
        recipe="general",
        threshold=0.8,
        std_range=(0.0, 9.0),
        min_distance_px=None,
        box_size_px=BOX_PX,
        summary={},
    )
    suspect_yx = np.array([[55.0, 35.0], [55.0, 105.0]])
    scores = np.array([0.81, 0.79])
    session.candidates = {micrograph.name: Candidates(suspect_yx, scores, np.ones(2), BOX_PX)}
    drawn_yx = np.concatenate([finish(drawing_background(session)) for _ in range(20)])
    first, second = (nearest_distances(suspect_yx[[at]], drawn_yx)[0] for at in (0, 1))
    assert first > BOX_PX / 2 - 1
    assert second < BOX_PX / 2


def test_background_is_not_drawn_where_there_is_none() -> None:
    places = np.arange(6.0, 110.0, 12.0)
    lattice_yx = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    image = blob_image((110, 110), lattice_yx).astype(np.float32)
    session = session_on(Micrograph(image, "full"), Labels.of(lattice_yx[::3]))
    with pytest.raises(InputError, match="no background is left here"):
        finish(drawing_background(session))


def test_labels_that_have_nothing_in_common_leave_background_random() -> None:
    noise = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)
    labels_yx = blob_centres(np.random.default_rng(1), (200, 200), 5)
    drawn_yx = finish(drawing_background(session_on(Micrograph(noise, "m"), Labels.of(labels_yx))))
    assert len(drawn_yx) == 10
    assert nearest_distances(drawn_yx, labels_yx).min() > BOX_PX / 2 - 1


def test_background_of_a_crowded_micrograph_holds_no_particles(shared_data) -> None:
    path = sorted((shared_data / "apoferritin").glob("*.mrc"))[0]
    truth_yx = read_coordinates(path.with_suffix(".csv")).centres_yx
    session = session_on(read_micrograph(path), Labels.of(truth_yx[:20]), 88)
    session.binning = "auto"
    drawn_yx = finish(drawing_background(session))
    assert len(drawn_yx) == 20
    on_particles = nearest_distances(drawn_yx, truth_yx) < 34  # px, the radius of one
    assert on_particles.mean() <= 0.1  # of 149, where nearly half used to be
