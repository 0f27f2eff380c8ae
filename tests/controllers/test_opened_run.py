"""The folder of a run that picks, opened as a series, and what is kept of the work on it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from scipy.special import logit

from learnt_scores import summary_of
from napari_deepem.batch.pick import PickSettings, pick_files
from napari_deepem.batch.run_manifest import read_run
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.score_evidence import mixture_in
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture
from napari_deepem.core.types import Candidates, Labels
from napari_deepem.io.pick_records import read_record, record_path
from napari_deepem.io.session_file import look_into
from napari_deepem.io.session_places import SESSION_FILE
from napari_deepem.session.export_plan import plan, writing
from napari_deepem.session.series import state_of, why_failed
from napari_deepem.session.training_input import TrainingInput
from series import go_to, some_model

pytestmark = pytest.mark.usefixtures("qapp")
OWN = Candidates(np.array([[20.0, 30.0]]), np.array([0.7]), np.ones(1), 24)


@pytest.fixture
def model() -> Model:
    return some_model()


@pytest.fixture
def run(folder: Path, tmp_path_factory, model: Model) -> Path:
    """A run over three micrographs of the folder and one that is cut short."""
    (folder / "cut.mrc").write_bytes((folder / "m1.mrc").read_bytes()[:1500])
    run = tmp_path_factory.mktemp("run")
    pick(folder, run, model, 0.3)
    return run


def pick(
    folder: Path, run: Path, model: Model, threshold: float, mixture: ScoreMixture | None = None
) -> None:
    settings = PickSettings(PickCriteria(threshold, (0.0, 9.0), 8.0, mixture))
    finish(pick_files(sorted(folder.glob("*.mrc")), model, run, settings))


@pytest.fixture
def opened_run(opened, run: Path, qtbot):
    """Open the run in a viewer, and wait for its model."""

    def open_run(place: Path = run):
        link = opened(ViewerModel(), place)
        qtbot.waitUntil(lambda: link.session.model is not None and not link.autosave.message)
        return link

    return open_run


def test_run_is_opened_with_its_micrographs_picks_and_failures(
    opened_run, folder: Path, run: Path
) -> None:
    session = opened_run().session
    assert session.files == {name: folder / f"{name}.mrc" for name in ("cut", "m1", "m2", "m10")}
    assert list(session.files) == ["cut", "m1", "m2", "m10"]
    assert session.criteria == PickCriteria(0.3, (0.0, 9.0), 8.0)
    for name in ("m1", "m2", "m10"):
        record = read_record(run, name)
        assert record is not None
        assert record.candidates is not None
        assert session.selection.count_of(name) == record.described.n_picks
        picks = session.selection.picks_of(name)
        expected = session.criteria.picks_of(record.candidates)
        np.testing.assert_array_equal(picks.centres_yx, expected.centres_yx)
    assert state_of(session, "m1") == "scored"
    assert state_of(session, "cut") == "failed"
    assert "cut short" in why_failed(session, "cut")
    assert session.scored == {}  # there is no score map


def test_run_by_an_adaptive_threshold_is_opened_as_it_was_picked(
    opened_run, folder: Path, tmp_path_factory
) -> None:
    untold, tried = some_model(), tmp_path_factory.mktemp("tried")
    pick(folder, tried, untold, 0.3)  # of random weights: the bells are laid around what it gives
    scores = read_record(tried, "m1").candidates.scores
    highest = float(logit(scores.max()))
    fewer = ScoreMixture(Bell(highest, 1.0), Bell(highest + 2.0, 1.0), share=0.5)
    model, threshold = replace(untold, summary=summary_of(fewer)), float(np.median(scores))
    run, out = tmp_path_factory.mktemp("adaptive"), tmp_path_factory.mktemp("out")
    pick(folder, run, untold, threshold)  # which scores the same, and knows less
    plain = {path.name: path.read_bytes() for path in run.glob("*.star")}
    pick(folder, run, model, threshold, mixture_in(model.summary))  # goes on from the records
    session = opened_run(run).session
    assert session.adaptive_threshold
    assert session.criteria == read_run(run).criteria
    finish(writing(plan(session, "picks", "all", out, ["star"])))
    written = {path.name: path.read_bytes() for path in out.iterdir()}
    assert written == {name: (run / name).read_bytes() for name in plain}
    assert written != plain
    for name in session.candidates:
        assert session.selection.count_of(name) == read_record(run, name).described.n_picks


def test_work_on_a_run_is_kept_in_its_folder_without_a_copy_of_its_records(
    opened_run, run: Path
) -> None:
    link = opened_run()
    link.session.threshold = 0.35
    link.session.verdicts = {"m1": Labels.of([[20.0, 30.0]])}
    link.autosave.close()
    stored = look_into(run / SESSION_FILE)
    assert (stored.candidates, stored.model) == ({}, None)
    session = opened_run().session
    assert session.threshold == 0.35
    assert state_of(session, "m1") == "reviewed"
    assert set(session.candidates) == {"m1", "m2", "m10"}


def test_micrograph_that_was_scored_in_the_window_is_kept_until_the_run_has_another_model(
    opened_run, folder: Path, run: Path, model: Model
) -> None:
    link = opened_run()
    link.session.threshold = 0.35
    link.session.candidates = {**link.session.candidates, "cut": OWN}
    link.autosave.close()
    link = opened_run()
    np.testing.assert_array_equal(link.session.candidates["cut"].scores, OWN.scores)
    assert state_of(link.session, "cut") == "scored"
    link.autosave.close()
    pick(folder, run, some_model(), 0.2)
    session = opened_run().session
    assert session.threshold == 0.2
    assert set(session.candidates) == {"m1", "m2", "m10"}
    assert look_into(run / SESSION_FILE).candidates == {}


def test_picks_of_a_run_are_exported_as_the_run_wrote_them_and_verdicts_can_teach(
    opened_run, run: Path, tmp_path_factory
) -> None:
    session, out = opened_run().session, tmp_path_factory.mktemp("out")
    finish(writing(plan(session, "picks", "all", out, ["star", "box"])))
    names = {f"{name}.{suffix}" for name in ("m1", "m2", "m10") for suffix in ("star", "box")}
    assert {path.name for path in out.iterdir()} == names
    for name in names:
        assert (out / name).read_bytes() == (run / name).read_bytes()
    session.verdicts = {"m2": Labels.of([[20.0, 30.0]], [[40.0, 60.0]])}
    (item,) = TrainingInput.of(session).items()
    assert (item.name, item.source) == ("m2", session.files["m2"])


def test_model_of_the_user_takes_the_place_of_the_runs(opened_run, run: Path) -> None:
    link = opened_run()
    link.session.candidates = {**link.session.candidates, "cut": OWN}
    link.autosave.close()
    link = opened_run()
    link.session.model = some_model()
    link.session.candidates = {"m2": OWN}
    link.autosave.close()
    stored = look_into(run / SESSION_FILE)
    assert stored.model
    assert set(stored.candidates) == {"m2"}
    session = opened_run().session
    assert set(session.candidates) == {"m2"}


def test_run_that_is_opened_again_has_what_was_picked_meanwhile(
    opened_run, folder: Path, run: Path, model: Model, qtbot
) -> None:
    link = opened_run()
    link.session.verdicts = {"m1": Labels.of([[20.0, 30.0]])}
    shutil.copy(folder / "m2.mrc", folder / "m11.mrc")
    pick(folder, run, model, 0.3)
    link.autosave.open_folder(run)
    qtbot.waitUntil(lambda: "m11" in link.session.candidates)
    assert state_of(link.session, "m1") == "reviewed"
    assert link.autosave.path == run / SESSION_FILE


def test_moved_micrographs_are_looked_for_near_the_run(
    opened, opened_run, folder: Path, run: Path, tmp_path_factory, qtbot
) -> None:
    place = tmp_path_factory.mktemp("place")
    shutil.copytree(run, place / "picks")
    shutil.copytree(folder, place / "data")
    shutil.rmtree(folder)
    (place / "data").rename(place / folder.name)
    session = opened_run(place / "picks").session
    assert session.files["m1"] == place / folder.name / "m1.mrc"
    assert set(session.candidates) == {"m1", "m2", "m10"}  # a copy, with another time


def test_run_without_its_micrographs_says_so_in_one_line(
    folder: Path, run: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    from napari_deepem.controllers.viewer_link import link_of

    messages: list[str] = []
    monkeypatch.setattr("napari_deepem.controllers.autosave.show_warning", messages.append)
    for path in folder.glob("*.mrc"):
        path.unlink()
    viewer = ViewerModel()
    link = link_of(viewer)
    link.autosave.open_folder(run)
    qtbot.waitUntil(lambda: link.session.model is not None)
    (message,) = messages
    assert message.startswith(f"4 micrographs of this run are neither in {folder} nor near {run}")
    assert link.session.selection.count_of("m1") is not None
    qtbot.waitUntil(lambda: link.session.current in link.session.problems)
    link.autosave.close()


def test_changed_micrograph_has_no_picks_of_the_run(opened_run, folder: Path) -> None:
    content = bytearray((folder / "m2.mrc").read_bytes())
    content[-400:] = bytes(400)
    (folder / "m2.mrc").write_bytes(content)
    session = opened_run().session
    assert state_of(session, "m2") == "failed"
    assert why_failed(session, "m2") == "m2.mrc has changed since it was picked: score it here"


def test_record_that_is_damaged_while_it_is_open_is_named(opened_run, run: Path, qtbot) -> None:
    link = opened_run()
    record_path(run, "m10").write_bytes(b"nothing")
    go_to(link, "m10", qtbot)
    assert link.session.picks is None
    assert why_failed(link.session, "m10") == (
        "the record of m10 is gone or damaged: pick it again"
    )
