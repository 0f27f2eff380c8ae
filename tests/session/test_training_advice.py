from pathlib import Path

import numpy as np

from blobs import BOX_PX, blob_micrograph
from napari_deepem.batch.train import LabelledFiles, train_on_files
from napari_deepem.core.jobs import finish
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.types import Labels, Micrograph, Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import read_micrograph, write_image
from napari_deepem.session import Session, jobs
from napari_deepem.session.labels import add_labels, reading_labels
from napari_deepem.session.readiness import why_not_train
from napari_deepem.session.training_advice import training_advice


def session_with(**labels: Labels) -> Session:
    image = np.random.default_rng(0).normal(size=(900, 900)).astype(np.float32)
    session = Session(box_size_px=40)
    session.micrographs = {name: Micrograph(image, name) for name in labels}
    session.labels = labels
    return session


def grid(count: int, step: float = 90.0) -> np.ndarray:
    """(count, 2) centres, `step` px from each other."""
    return np.array([[40 + step * (i // 9), 40 + step * (i % 9)] for i in range(count)])


def words(session: Session) -> str:
    assert why_not_train(session) == ""
    return " ".join(training_advice(session))


def test_good_labels_need_no_advice() -> None:
    assert words(session_with(a=Labels.of(grid(12)), b=Labels.of(grid(12)))) == ""
    assert training_advice(Session()) == []


def test_few_particles_are_said_with_their_number() -> None:
    text = words(session_with(a=Labels.of(grid(3)), b=Labels.of(grid(4))))
    assert text == "Only 7 particles so far: 20 or more teach much better."


def test_one_micrograph_is_said_with_what_follows() -> None:
    assert "right-hand part is held out" in words(session_with(a=Labels.of(grid(30))))
    assert "Nothing can be held out" in words(session_with(a=Labels.of(grid(7)), b=Labels.of()))


def test_accepted_picks_count_as_particles() -> None:
    session = session_with(a=Labels.of(grid(12)), b=Labels.of())
    session.verdicts = {"b": Labels.of(grid(12))}
    assert words(session) == ""


def test_particles_labelled_twice_and_labels_of_both_kinds_are_said() -> None:
    twice = np.concatenate([grid(12), grid(1) + 5])
    assert words(session_with(a=Labels.of(twice), b=Labels.of(grid(12)))) == (
        "1 particle seems to be marked twice."
    )
    both = Labels.of(grid(12), grid(2) + 5)
    assert words(session_with(a=both, b=Labels.of(grid(12)))) == (
        "2 of the non-particles lie on a particle: erase one of the two."
    )


def test_crowded_boxes_and_boxes_far_from_the_suggested_one_are_said() -> None:
    session = session_with(a=Labels.of(grid(20, 30.0)), b=Labels.of(grid(20, 30.0)))
    session.box_size_px = 80
    assert "40 of 40 particles lie less than half a box" in words(session)
    session = session_with(a=Labels.of(grid(12)), b=Labels.of(grid(12)))
    session.suggested_box_px = 100
    assert words(session) == "The box looks too small for these particles: 100 px would fit."


def test_window_and_command_line_say_the_same_of_the_same_labels(tmp_path: Path) -> None:
    """C.6"""
    session = Session(box_size_px=BOX_PX)
    for seed, pixel_size in ((1, 1.5), (2, 3.0)):
        micrograph, centres = blob_micrograph(seed)
        path = tmp_path / f"{micrograph.name}.mrc"
        write_image(path, micrograph.image, pixel_size)
        session.micrographs = {**session.micrographs, micrograph.name: read_micrograph(path)}
        beside = centres[:1] + 4.0  # near enough to be marked twice, and not to be one
        rows = np.concatenate([centres, centres[:2], beside, [[-0.7, 30.0]]])
        write_coordinates(tmp_path / "labels" / f"{micrograph.name}.csv", Picks(rows))
    read = finish(reading_labels(session, tmp_path / "labels"))
    add_labels(session, read.centres_yx, "positive")
    survey = finish(jobs.surveying_labels(session)())
    session.suggested_box_px = survey.box_px
    in_window = [*read.remarks, *training_advice(session)]

    paths = sorted(tmp_path.glob("*.mrc"))
    job = train_on_files(paths, tmp_path / "labels", TrainingSettings(BOX_PX, epochs=1))
    (files,) = (news for news in [next(job)] if isinstance(news, LabelledFiles))
    assert list(files.advice) == in_window
    assert [line.split(" ")[0] for line in in_window] == ["2", "4", "2", "Pixel"]
