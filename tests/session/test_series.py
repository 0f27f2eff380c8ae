from pathlib import Path

import numpy as np

from napari_deepem.core.types import Candidates, Labels, Micrograph
from napari_deepem.io.images import write_image
from napari_deepem.session import Session
from napari_deepem.session.series import state_of, thumbnail, thumbnails

NOTHING = Candidates(np.empty((0, 2)), np.empty(0), np.empty(0), 24)


def test_state_tells_how_far_one_has_got() -> None:
    session = Session(files={"a": Path("a.mrc")})
    assert state_of(session, "a") == "new"
    session.labels = {"a": Labels.of([[1.0, 2.0]])}
    assert state_of(session, "a") == "labelled"
    session.candidates = {"a": NOTHING}
    assert state_of(session, "a") == "scored"
    session.verdicts = {"a": Labels.of([[1.0, 2.0]])}
    assert state_of(session, "a") == "reviewed"
    session.excluded = frozenset("a")
    assert state_of(session, "a") == "excluded"


def test_excluded_micrographs_are_not_trained_on() -> None:
    session = Session(files={name: Path(name) for name in "ab"})
    session.labels = {name: Labels.of([[1.0, 2.0]]) for name in "abc"}
    assert list(session.labelled()) == ["a", "b"]  # c is not of the series
    session.excluded = frozenset("a")
    assert list(session.labelled()) == ["b"]


def test_thumbnail_averages_over_squares() -> None:
    image = np.zeros((200, 300), dtype=np.int16)
    image[:100] = 1000
    image[::2] += 30_000  # what is much finer than its pixels is not seen
    made = thumbnail(Micrograph(image, "a"))
    assert made.shape == (50, 75)
    assert made.dtype == np.uint8
    assert (made[:25] == 255).all()
    assert (made[25:] == 0).all()


def test_blank_part_of_a_micrograph_does_not_spoil_its_thumbnail() -> None:
    """A.7: what is shown is as grey as without it."""
    grey = np.random.default_rng(0).normal(130.0, 20.0, size=(400, 800)).astype(np.float32)
    half_blank = np.concatenate([np.zeros_like(grey), grey])
    made = thumbnail(Micrograph(half_blank, "a"))
    assert not made[: len(made) // 2].any()
    assert 100 < made[len(made) // 2 :].mean() < 155


def test_thumbnail_of_a_file_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.mrc", tmp_path / "bad.mrc"
    write_image(good, np.random.default_rng(0).normal(size=(20, 30)), None)
    bad.write_bytes(b"broken")
    made = dict(thumbnails({"good": good, "bad": bad}))
    assert made["bad"] is None
    assert made["good"].shape == (20, 30)


def test_candidates_outlast_a_micrograph_of_the_series_in_memory() -> None:
    session = Session(files={"a": Path("a.mrc")})
    session.micrographs = {name: Micrograph(np.zeros((9, 9)), name) for name in "ab"}
    session.candidates = {"a": NOTHING, "b": NOTHING}
    session.current = "a"
    session.micrographs = {}
    assert "a" in session.candidates
