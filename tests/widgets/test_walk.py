"""The whole story on a series of micrographs, by mouse and keys in a real window."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt, QTimer
from scipy.spatial import KDTree

from hand import Hand, drag_line, wait_until_drawn
from napari_deepem.controllers.folder_drop import PLUGIN, add_dock
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.evaluation.metrics import evaluate
from napari_deepem.core.simulation import SAMPLE_BOX_PX, simulate_sample
from napari_deepem.core.types import FloatArray, Labels, Picks
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.io.images import write_image
from napari_deepem.session import Session
from places import SHARED_DATA
from quick_recipes import shorten_recipes

pytestmark = pytest.mark.usefixtures("_plugins")
DOCKS = ("Annotate", "Train", "Pick", "Review", "Export", "Micrographs")
LABELLED = 15  # on each of two micrographs
REVIEWED = 10
REAL = SHARED_DATA / "apoferritin"


@dataclass(frozen=True, eq=False)
class Series:
    """Micrographs in a folder, and where their particles are."""

    folder: Path
    truth_yx: Mapping[str, FloatArray]
    box_size_px: int

    @property
    def radius_px(self) -> float:
        """How far from a particle a pick may be."""
        return self.box_size_px / 4

    def is_particle(self, name: str, centre_yx: FloatArray) -> bool:
        """Whether there is a particle where something was picked."""
        return KDTree(self.truth_yx[name]).query(centre_yx)[0] <= self.radius_px

    def to_click(self, name: str) -> FloatArray:
        """(LABELLED, 2) particles that a user would click: whole, and a box from each other."""
        truth_yx, box_px = self.truth_yx[name], self.box_size_px
        inside = ((truth_yx > box_px / 2) & (truth_yx < 1024 - box_px / 2)).all(axis=1)
        chosen: list[FloatArray] = []
        for centre_yx in truth_yx[inside]:
            if all(np.linalg.norm(centre_yx - other) > box_px for other in chosen):
                chosen.append(centre_yx)
        return np.array(chosen[:LABELLED])


def simulated(folder: Path) -> Series:
    sample = simulate_sample(count=4)
    for each in sample:
        write_image(
            folder / f"{each.micrograph.name}.mrc",
            each.micrograph.image,
            each.micrograph.pixel_size,
        )
    truth_yx = {each.micrograph.name: each.truth_yx for each in sample}
    return Series(folder, truth_yx, SAMPLE_BOX_PX)


def apoferritin(folder: Path) -> Series:
    paths = sorted(REAL.glob("*.mrc"))[:4]
    for path in paths:
        shutil.copy(path, folder)
    truth = {path.stem: read_coordinates(path.with_suffix(".csv")).centres_yx for path in paths}
    return Series(folder, truth, 88)


@pytest.fixture
def series(tmp_path: Path) -> Series:
    """Four micrographs: real ones where there are any, else simulated ones."""
    folder = tmp_path / "data"
    folder.mkdir()
    return apoferritin(folder) if REAL.is_dir() else simulated(folder)


@pytest.fixture
def _quick_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer and smaller batches: what there is to tell is not how well it learns."""
    shorten_recipes(monkeypatch, batches_per_epoch=12, batch_size=32)


class Heart:
    """Beats as often as the window lets it."""

    def __init__(self) -> None:
        self.beats = 0
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def _beat(self) -> None:
        self.beats += 1


@pytest.fixture
def kept() -> Iterator[list[Any]]:
    """Links whose session files are closed in the end."""
    links: list[Any] = []
    yield links
    for link in links:
        link.autosave.close()


@pytest.mark.usefixtures("_quick_recipe")
def test_series_is_labelled_learnt_tuned_given_verdicts_picked_and_exported(
    make_napari_viewer, qtbot, series: Series, tmp_path: Path, kept: list[Any]
) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    docks = {name: add_dock(viewer, name) for name in DOCKS}
    link = link_of(viewer)
    kept.append(link)
    session, hand = link.session, Hand(viewer, qtbot)
    names = list(series.truth_yx)

    def wait_for(happened: Any) -> None:
        qtbot.waitUntil(happened)

    def show(name: str) -> Any:
        docks[name].native.parent().raise_()
        qtbot.waitUntil(docks[name].native.isVisible)
        return docks[name]

    # open the folder, as if it were dropped
    viewer.open(str(series.folder), plugin=PLUGIN)
    wait_for(lambda: session.current in session.micrographs and not link.autosave.message)
    assert session.names == names
    assert "saved as you go" in docks["Micrographs"].status.value

    # label particles on the first, go on to the next by key, and label there
    annotate = show("Annotate")
    annotate.box_size.value = series.box_size_px
    hand.key(Qt.Key.Key_G)
    for number, name in enumerate(names[:2]):
        if number:
            hand.key(Qt.Key.Key_N)
        wait_for(lambda name=name: list(session.micrographs) == [name])
        wait_until_drawn(viewer, qtbot)
        places = series.to_click(name)
        for place in places:
            hand.drag(tuple(place))
        marked_yx = session.labels_of(name).positive_yx
        np.testing.assert_allclose(marked_yx, places, atol=2.5)  # a pixel of the screen
    in_all = f"{2 * LABELLED} particles, 0 non-particles on 2 micrographs"
    assert in_all in annotate.counts.value

    # train: the window goes on meanwhile
    train, heart = show("Train"), Heart()
    train.epochs.value = "3"
    train.train.native.click()
    beats = [0]
    session.events.history.connect(lambda: beats.append(heart.beats))
    wait_for(lambda: not session.training.running)
    assert session.model is not None, session.training.message
    assert len(session.history) == 3
    assert all(later - earlier > 5 for earlier, later in pairwise(beats[1:]))
    assert session.f2_optimum is not None

    # score this one, and drag the line of the threshold
    pick = show("Pick")
    pick.score.native.click()
    wait_for(lambda: session.current_scored is not None)
    wait_until_drawn(viewer, qtbot)
    drag_line(pick.by_score.plot.widget, qtbot, session.threshold, 0.4)
    assert session.threshold == pytest.approx(0.4, abs=0.02)
    assert pick.by_score.slider.value == pytest.approx(session.threshold, abs=1e-4)
    assert pick.pick_counts.value.startswith(f"{len(session.picks)} picks here")
    assert len(viewer.layers["Picks"].data) == len(session.picks)

    # review ten of those that the network doubts most, by key
    review = show("Review")
    review.order.value = "doubt"
    review.view.select_row(0)
    for row in range(REVIEWED):
        assert review.view.selected_rows().tolist() == [row]
        is_right = series.is_particle(session.current, review.pictures.gallery.centres_yx[row])
        qtbot.keyClick(review.view, Qt.Key.Key_A if is_right else Qt.Key.Key_R)
    verdicts = session.verdicts[session.current]
    assert len(verdicts.positive_yx) + len(verdicts.negative_yx) == REVIEWED

    # train again with them
    review.train_again.native.click()
    wait_for(lambda: not session.training.running)
    first, second = session.rounds
    assert (first.number, second.number) == (1, 2), session.training.message
    assert second.ap_before is not None
    taught = sum(len(item.labels.negative_yx) for item in session.model.training_set)
    assert taught == len(verdicts.negative_yx)
    wait_for(lambda: session.current in session.candidates and not session.scoring.running)

    # pick them all
    micrographs = show("Micrographs")
    micrographs.pick_all.native.click()
    wait_for(lambda: not session.scoring.running and set(session.candidates) == set(names))
    wait_for(lambda: micrographs.totals.value.endswith("in 4 micrographs"))
    counts = {name: session.selection.count_of(name) for name in names}
    assert micrographs.totals.value == f"{sum(counts.values())} picks in 4 micrographs"

    # export all of them in two formats
    export = show("Export")
    export.scope.value = "all but the excluded"
    export.formats["box"].value = True
    export.destination.value = tmp_path / "picks"
    export.save.native.click()
    wait_for(lambda: export.status.value.startswith("Wrote"))
    left_out = re.search(r"(\d+) picks? taken out", export.status.value)
    written = read_all(tmp_path / "picks", names, ".star")
    boxes = read_all(tmp_path / "picks", names, ".box")
    assert sorted(path.suffix for path in (tmp_path / "picks").iterdir()) == 4 * [".box"] + 4 * [
        ".star"
    ]
    total = sum(len(each) for each in written.values())
    assert total == sum(counts.values()) - (int(left_out.group(1)) if left_out else 0)
    for name in names:
        np.testing.assert_array_equal(boxes[name].centres_yx, written[name].centres_yx)
    truth_yx = [series.truth_yx[name] for name in names]
    figures = evaluate([written[name] for name in names], truth_yx, series.radius_px)
    assert figures.recall > 0.8
    assert figures.precision > 0.7

    # another day: everything is back
    link.autosave.close()
    again = reopened(series.folder, qtbot, kept)
    assert_same(again, session)


def read_all(folder: Path, names: list[str], suffix: str) -> dict[str, Picks]:
    return {name: read_coordinates(folder / f"{name}{suffix}") for name in names}


def reopened(folder: Path, qtbot: Any, kept: list[Any]) -> Session:
    """The session of another window on the folder."""
    viewer = ViewerModel()
    link = link_of(viewer)
    kept.append(link)
    link.viewer_kept = viewer  # or nobody holds it
    link.autosave.open_folder(folder)
    session = link.session
    qtbot.waitUntil(lambda: session.model is not None)
    qtbot.waitUntil(lambda: session.current in session.scored)
    return session


def assert_same(one: Session, other: Session) -> None:
    """Both know the same."""
    assert (one.current, one.names, one.files) == (other.current, other.names, other.files)
    for field in ("box_size_px", "threshold", "std_range", "min_distance_px", "epochs"):
        assert getattr(one, field) == getattr(other, field), field
    assert one.rounds == other.rounds
    for labels in ("labels", "verdicts"):
        assert_same_labels(getattr(one, labels), getattr(other, labels))
    assert one.candidates.keys() == other.candidates.keys()
    for name, candidates in one.candidates.items():
        np.testing.assert_array_equal(candidates.centres_yx, other.candidates[name].centres_yx)
        np.testing.assert_array_equal(candidates.scores, other.candidates[name].scores)
    np.testing.assert_array_equal(one.picks.centres_yx, other.picks.centres_yx)
    for name, scored in one.scored.items():
        np.testing.assert_allclose(  # kept in half precision
            scored.score_map.scores, other.scored[name].score_map.scores, atol=2**-11
        )
    theirs = other.model.network.state_dict()
    for name, weights in one.model.network.state_dict().items():
        np.testing.assert_array_equal(weights.numpy(), theirs[name].numpy())


def assert_same_labels(one: Mapping[str, Labels], other: Mapping[str, Labels]) -> None:
    for name in one.keys() | other.keys():
        for kind in ("positive_yx", "negative_yx"):
            np.testing.assert_array_equal(getattr(one[name], kind), getattr(other[name], kind))
