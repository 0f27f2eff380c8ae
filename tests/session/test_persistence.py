import os
import sqlite3
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Candidates, Labels, Micrograph
from napari_deepem.io import session_places
from napari_deepem.io.images import write_image
from napari_deepem.io.session_file import Stored
from napari_deepem.io.session_places import SESSION_FILE, home_of
from napari_deepem.session import Session
from napari_deepem.session.open_folder import Opened, loading, opening
from napari_deepem.session.persistence import (
    Snapshot,
    changes,
    differ,
    held_by,
    restore,
    restore_model,
    snapshot,
)
from napari_deepem.session.training_input import training_settings
from napari_deepem.session.training_rounds import Round, round_from


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Micrographs m1 and m2."""
    rng = np.random.default_rng(0)
    for name in ("m1", "m2"):
        write_image(tmp_path / f"{name}.mrc", rng.normal(size=(60, 90)), 2.0)
    return tmp_path


def opened(folder: Path, session: Session, apart: bool = False) -> Opened:
    """Open a folder in a session."""
    found = finish(opening(folder, apart=apart))
    restore(session, found)
    if found.stored.model:
        restore_model(session, found, finish(loading(found.stored.model, found.folder)))
    return found


def test_session_goes_on_where_it_was(folder: Path) -> None:
    session = Session()
    first = opened(folder, session)
    before = snapshot(session)
    session.current, session.box_size_px, session.recipe = "m2", 44, "wide"
    session.labels = {"m1": Labels.of([[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]])}
    session.verdicts = {"m2": Labels.of([[7.0, 8.0]], [[9.0, 0.5]], [[7.0, 8.0], [1.0, 1.0]])}
    session.excluded = frozenset({"m2"})
    session.rounds = (Round(1, "new", 30, 4, 2, 10, 0.9, on_border=3, ap_before=0.5),)
    network = Network(Architecture.for_box(24)).eval()
    session.model = Model(
        network, "modern", 24, Sampling(1), 2.0, threshold=0.3, std_range=(0.1, 2.0)
    )
    session.threshold, session.min_distance_px = 0.7, 11.0
    session.adaptive_threshold, session.own_thresholds = True, {"m1": 0.25}
    session.formats, session.format_options = ("box", "csv"), {"csv.kind": "long"}
    found = Candidates(np.array([[10.0, 20.0]]), np.array([0.8]), np.ones(1), 24)
    session.candidates = {"m1": found}
    first.file.write(changes(before, snapshot(session), first.folder))
    first.file.close()

    again = Session()
    opened(folder, again).file.close()
    assert (again.current, again.box_size_px, again.recipe) == ("m2", 44, "wide")
    assert (again.threshold, again.std_range, again.min_distance_px) == (0.7, (0.1, 2.0), 11.0)
    assert (again.adaptive_threshold, again.own_thresholds) == (True, {"m1": 0.25})
    assert (again.formats, again.format_options) == (("box", "csv"), {"csv.kind": "long"})
    for kind in ("positive_yx", "negative_yx", "unsure_yx"):
        np.testing.assert_array_equal(
            getattr(again.labels["m1"], kind), getattr(session.labels["m1"], kind)
        )
        np.testing.assert_array_equal(
            getattr(again.verdicts["m2"], kind), getattr(session.verdicts["m2"], kind)
        )
    assert again.excluded == {"m2"}
    assert again.rounds == session.rounds
    np.testing.assert_array_equal(again.candidates["m1"].centres_yx, found.centres_yx)
    assert again.model.box_size_px == 24
    assert not again.edits.can_undo


@pytest.mark.parametrize(
    ("recipe", "binning", "start", "scale"),
    [
        ("modern", "auto", "general", 96 / 44),
        ("modern", 3, "chance", 3.0),
        ("deepem2017", "auto", "chance", 2.0),
        ("wide", 2, "chance", 2.0),
    ],
)
def test_session_of_before_there_was_a_start_trains_as_it_did(
    folder: Path, recipe: str, binning: str | int, start: str, scale: float
) -> None:
    first = opened(folder, Session())
    older = Session(box_size_px=96, recipe=recipe, binning=binning)
    settings = dict(snapshot(older).settings)
    del settings["start"]
    first.file.write(Stored(settings))
    first.file.close()

    session = Session(start="chance" if start == "general" else "general")
    found = opened(folder, session)
    found.file.close()
    assert (session.recipe, session.binning, session.start) == (recipe, binning, start)
    training = training_settings(session)
    assert (training.chosen_start, training.chosen_sampling.scale) == (start, scale)
    assert training.recipe.name == recipe
    written = changes(held_by(found, session), snapshot(session), folder)
    assert written.settings["start"] == start  # it says so from now on


def test_start_is_kept_and_that_of_a_session_goes_on_in_a_new_folder(folder: Path) -> None:
    session = Session(start="chance")
    first = opened(folder, session)
    assert session.start == "chance"
    first.file.write(changes(Snapshot(), snapshot(session), folder))
    first.file.close()
    again = Session()
    opened(folder, again).file.close()
    assert again.start == "chance"


def test_nothing_has_to_be_written_where_nothing_has_changed(folder: Path) -> None:
    session = Session()
    opened(folder, session).file.close()
    now = snapshot(session)
    assert not differ(now, snapshot(session))
    session.labels = {**session.labels, "m1": Labels.of([[1.0, 2.0]])}
    assert differ(now, snapshot(session))
    written = changes(now, snapshot(session), folder)
    assert (dict(written.settings), list(written.points)) == ({}, ["m1"])
    assert written.model is None


def test_second_window_that_works_apart_is_told_and_keeps_what_it_does_at_home(
    folder: Path,
) -> None:
    first = opened(folder, Session())
    second = opened(folder, Session(), apart=True)
    assert "open in another window" in second.remark
    assert second.file.path.parent == home_of(folder)
    assert str(home_of(folder)) in second.remark
    first.file.close()
    second.file.close()


def test_folder_that_cannot_be_written_into_is_kept_at_home(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, writable = tmp_path_factory.mktemp("home"), session_places.writable_folder

    def refuse(path: Path) -> Path:
        if path == folder:
            raise InputError("no permission")
        return writable(path)

    monkeypatch.setattr(session_places, "writable_folder", refuse)
    monkeypatch.setattr(Path, "home", lambda: home)
    found = opened(folder, Session())
    assert found.folder.is_relative_to(home)
    assert str(found.folder) in found.remark
    assert (found.folder / SESSION_FILE).is_file()
    assert not (folder / SESSION_FILE).exists()
    found.file.close()


def test_folder_opens_where_nothing_can_be_kept_and_that_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> Path:
        raise InputError(f"cannot write into {path}: no permission; choose another folder")

    monkeypatch.setattr(session_places, "writable_folder", refuse)
    session = Session()
    found = opened(folder, session)
    assert list(session.files) == ["m1", "m2"]
    assert (session.folder, found.file) == (None, None)  # score maps are not kept either
    assert str(folder) in found.remark
    assert "nothing is saved" in found.remark


def test_labels_stay_with_their_file_when_another_takes_its_name(folder: Path) -> None:
    image = np.random.default_rng(0).normal(size=(60, 90))
    (folder / "m1.mrc").unlink()
    write_image(folder / "m1.mrc.gz", image, 2.0)
    session = Session()
    first = opened(folder, session)
    session.labels = {"m1": Labels.of([[1.0, 2.0]])}
    first.file.close(changes(held_by(first, Session()), snapshot(session), folder))
    write_image(folder / "m1.mrc", image, 2.0)

    session = Session()
    opened(folder, session).file.close()
    names = {name: path.name for name, path in session.files.items()}
    assert names == {"m1.mrc": "m1.mrc", "m1": "m1.mrc.gz", "m2": "m2.mrc"}
    assert list(session.labels) == ["m1"]


def test_candidates_go_with_the_file_that_they_were_found_in(folder: Path) -> None:
    session = Session()
    first = opened(folder, session)
    network = Network(Architecture.for_box(24)).eval()
    session.model = Model(
        network, "modern", 24, Sampling(1), 2.0, threshold=0.3, std_range=(0.1, 2.0)
    )
    found = Candidates(np.array([[10.0, 20.0]]), np.array([0.8]), np.ones(1), 24)
    session.candidates = {"m1": found, "m2": found}
    first.file.close(changes(held_by(first, Session()), snapshot(session), folder))
    write_image(folder / "m1.mrc", np.random.default_rng(1).normal(size=(60, 90)), 2.0)
    os.utime(folder / "m1.mrc", ns=(1, 1))  # another time, whatever a file system's clock

    session = Session()
    opened(folder, session).file.close()
    assert list(session.candidates) == ["m2"]


def test_filter_and_contrast_are_kept_with_their_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    session = Session()
    first, before = opened(folder, session), snapshot(session)
    display = session.display
    display.filtered, display.low_pass_angstrom, display.high_pass_angstrom = False, 35, 400
    display.contrast, display.picture_px = {"m1": (-2.0, 3.5)}, 80
    assert differ(before, snapshot(session))
    first.file.close(changes(before, snapshot(session), folder))
    other = tmp_path_factory.mktemp("other")
    write_image(other / "m1.mrc", np.random.default_rng(0).normal(size=(60, 90)), 2.0)
    opened(other, session).file.close()
    plain = {"filtered": True, "low_pass_angstrom": None, "high_pass_angstrom": 0, "contrast": {}}
    assert display.of_folder() == plain
    opened(folder, session).file.close()
    assert not display.filtered
    assert (display.low_pass_angstrom, display.high_pass_angstrom) == (35, 400)
    assert display.contrast == {"m1": (-2.0, 3.5)}
    assert display.picture_px == 80  # the user's


def test_view_that_another_version_kept_is_taken_as_far_as_it_goes() -> None:
    display = Session().display
    display.take_of_folder({"filtered": False, "low_pass_angstrom": 5000, "sharpened": True})
    assert (display.filtered, display.low_pass_angstrom) == (False, None)


def test_box_that_is_not_possible_any_more_is_told(folder: Path) -> None:
    first = Session()
    opened(folder, first).file.close(Stored({"box_size_px": 3000, "seed": 7}))
    session = Session(box_size_px=64)
    kept = finish(opening(folder))
    line = restore(session, kept)
    kept.file.close()
    assert "Box size (px) 3000 is not possible here" in line
    assert (session.box_size_px, session.seed) == (128, 7)


def test_damaged_view_opens_with_all_labels_and_is_told(folder: Path) -> None:
    labels = {"m1": {"positive": np.array([[1.0, 2.0]])}}
    opened(folder, Session()).file.close(Stored(points=labels))
    database = sqlite3.connect(folder / SESSION_FILE)
    database.execute("INSERT OR REPLACE INTO settings VALUES ('display', '{\"filtered\": 3}')")
    database.commit()
    database.close()
    session = Session()
    kept = finish(opening(folder))
    restore(session, kept)
    kept.file.close()
    assert len(session.labels["m1"].positive_yx) == 1
    assert session.display.filtered
    (line,) = kept.warnings
    assert "how micrographs are shown" in line


def test_rounds_of_a_later_version_are_read_without_what_is_new() -> None:
    kept = Round(1, "new", 30, 4, 2, 10, 0.9)
    assert round_from({**asdict(kept), "minutes": 3.5}) == kept


def test_next_folder_begins_with_nothing_of_the_last(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    session = Session()
    opened(folder, session).file.close()
    session.labels = {"m1": Labels.of([[1.0, 2.0]])}
    session.excluded = frozenset({"m1"})
    session.headers = {"m1": ((900, 900), 1.0)}
    other = tmp_path_factory.mktemp("other")
    write_image(other / "m1.mrc", np.random.default_rng(0).normal(size=(60, 90)), 2.0)
    opened(other, session).file.close()
    assert (session.labels, session.headers) == ({}, {})
    assert session.excluded == frozenset()
    assert not differ(snapshot(session), Snapshot(snapshot(session).settings))


def test_labels_of_a_micrograph_that_is_missing_stay_with_their_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    session = Session()
    first = opened(folder, session)
    session.labels = {"m2": Labels.of([[1.0, 2.0]])}
    first.file.close(changes(held_by(first, Session()), snapshot(session), folder))
    (folder / "m2.mrc").rename(folder / "renamed.mrc")
    other = tmp_path_factory.mktemp("other")
    write_image(other / "m2.mrc", np.random.default_rng(0).normal(size=(60, 90)), 2.0)
    session = Session()
    opened(folder, session).file.close()
    opened(other, session).file.close()
    assert session.labels == {}
    (folder / "renamed.mrc").rename(folder / "m2.mrc")
    opened(folder, session).file.close()
    np.testing.assert_array_equal(session.labels["m2"].positive_yx, [[1.0, 2.0]])


def test_what_was_labelled_before_the_folder_was_opened_is_added_and_written(folder: Path) -> None:
    session = Session(box_size_px=200)
    first = opened(folder, session)
    session.labels = {"m1": Labels.of([[1.0, 2.0]])}
    written = changes(held_by(first, session), snapshot(session), folder)
    assert written.settings["box_size_px"] == 200  # the file is new
    first.file.close(written)

    session = Session()
    by_hand = Micrograph(np.zeros((60, 90), np.float32), "m1", 2.0, folder / "m1.mrc")
    session.micrographs = {"m1": by_hand}
    session.labels = {"m1": Labels.of([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]])}
    second = opened(folder, session)
    assert session.box_size_px == 200
    np.testing.assert_array_equal(session.labels["m1"].positive_yx, [[1.0, 2.0], [3.0, 4.0]])
    assert list(changes(held_by(second, session), snapshot(session), folder).points) == ["m1"]
    second.file.close()
