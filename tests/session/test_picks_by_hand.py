from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_deepem.core.evaluation.verdicts import join
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import NO_LABELS, Candidates, Labels, Micrograph, PickCounts
from napari_deepem.session import Session
from napari_deepem.session.picks_by_hand import add_pick, move_pick, pick_at, remove_picks
from napari_deepem.session.review_gallery import give_verdict
from napari_deepem.session.training_input import TrainingInput
from napari_deepem.session.training_rounds import Round

BOX_PX = 40  # so 10 px mean one particle
FREE = (300.0, 300.0)
A, B, C = PLACES = [(100.0, 100.0), (100.0, 200.0), (200.0, 100.0)]


@pytest.fixture
def session() -> Session:
    """A micrograph with three candidates, of which two are picks."""
    session = Session(threshold=0.5, std_range=(0.0, 9.0))
    session.micrographs = {"m": Micrograph(np.zeros((400, 400)), "m")}
    session.files = {"m": Path("m.mrc"), "n": Path("n.mrc")}
    session.current = "m"
    session.box_size_px = BOX_PX
    session.candidates = {
        "m": Candidates(np.array(PLACES), np.array([0.9, 0.8, 0.3]), np.ones(3), BOX_PX)
    }
    return session


def places(session: Session) -> list[tuple[float, float]]:
    return [tuple(yx) for yx in session.picks.centres_yx.tolist()]


def at(session: Session, place: tuple[float, float]) -> int:
    index = pick_at(session.picks, np.array(place), 1.0)
    assert index is not None
    return index


def session_pick(session: Session, place: tuple[float, float]) -> int:
    """The index of the pick of a particle, wherever on it that is."""
    index = pick_at(session.picks, np.array(place), BOX_PX / 4)
    assert index is not None
    return index


def taught(session: Session) -> Labels:
    (item,) = TrainingInput.of(session).items()
    return item.labels


def test_added_pick_is_a_particle_to_pick_and_to_learn_from(session: Session) -> None:
    add_pick(session, np.array(FREE))
    assert places(session) == [A, B, FREE]
    assert session.picks.counts == PickCounts(2, 1)
    assert taught(session).positive_yx.tolist() == [list(FREE)]
    session.threshold = 0.95
    assert places(session) == [FREE]
    session.threshold = 0.1
    assert places(session) == [A, B, C, FREE]


def test_pick_that_was_added_stays_where_it_is_when_the_network_finds_it_too(
    session: Session,
) -> None:
    near_c = (203.0, 104.0)
    add_pick(session, np.array(near_c))
    session.threshold = 0.1
    assert places(session) == [A, B, near_c]


def test_removed_pick_is_rejected_and_gone_at_any_threshold(session: Session) -> None:
    remove_picks(session, [at(session, A)])
    assert places(session) == [B]
    assert session.picks.counts == PickCounts(1, 0, 1)
    assert taught(session).negative_yx.tolist() == [list(A)]
    session.threshold = 0.1
    assert places(session) == [B, C]


def test_move_teaches_the_new_place_and_nothing_of_the_old_one(session: Session) -> None:
    for new in ((100.0, 110.0), (100.0, 130.0)):  # the same particle, and off it
        move_pick(session, at(session, A), np.array(new))
        assert places(session) == [B, new]
        assert session.picks.counts == PickCounts(1, 1)
        assert taught(session).positive_yx.tolist() == [list(new)]
        assert len(taught(session).negative_yx) == 0
        session.edits.undo()
        assert places(session) == [A, B]


@pytest.mark.parametrize("is_scored", [True, False])
def test_label_moves_with_its_pick_and_one_undo_takes_both_back(
    session: Session, is_scored: bool
) -> None:
    marked = A if is_scored else FREE  # on one of the network's picks, or where it has none
    session.labels = {"m": Labels.of([(marked[0] + 4.0, marked[1]), B])}
    new = (marked[0], marked[1] + 8.0)  # so near that both would mean one particle
    move_pick(session, session_pick(session, marked), np.array(new))
    assert session.labels["m"].positive_yx.tolist() == [list(B), list(new)]
    assert sorted(taught(session).positive_yx.tolist()) == sorted([list(B), list(new)])
    move_pick(session, at(session, new), np.array((300.0, 50.0)))
    assert sorted(taught(session).positive_yx.tolist()) == [list(B), [300.0, 50.0]]
    session.edits.undo()
    session.edits.undo()
    assert session.labels["m"].positive_yx.tolist() == [[marked[0] + 4.0, marked[1]], list(B)]
    assert not session.verdicts["m"].can_teach
    session.edits.redo()
    assert new in places(session)
    assert session.labels["m"].positive_yx.tolist() == [list(B), list(new)]


def test_label_of_another_pick_stays_where_one_is_moved_away(session: Session) -> None:
    near_a = (100.0, 108.0)
    add_pick(session, np.array((100.0, 112.0)))
    session.labels = {"m": Labels.of([near_a])}
    move_pick(session, at(session, A), np.array(FREE))
    assert session.labels["m"].positive_yx.tolist() == [list(near_a)]


def test_non_particle_is_gone_where_a_pick_that_was_accepted_on_it_moves(session: Session) -> None:
    session.labels = {"m": Labels.of(negative_yx=[A])}
    give_verdict(session, {"m": np.array([A])}, "accepted")
    move_pick(session, at(session, A), np.array(FREE))
    assert taught(session).negative_yx.tolist() == []
    assert taught(session).positive_yx.tolist() == [list(FREE)]


def test_pick_moved_step_by_step_leaves_nothing_behind(session: Session) -> None:
    place = A
    for col in (109.0, 118.0, 127.0):
        move_pick(session, at(session, place), np.array((100.0, col)))
        place = (100.0, col)
        assert places(session) == [B, place]


def test_pick_by_hand_that_is_removed_is_taken_back_and_not_rejected(session: Session) -> None:
    add_pick(session, np.array(FREE))
    remove_picks(session, [at(session, FREE)])
    assert places(session) == [A, B]
    assert not session.verdicts["m"].can_teach


def test_nothing_comes_to_light_where_a_pick_by_hand_is_removed(session: Session) -> None:
    near_c = (203.0, 104.0)
    add_pick(session, np.array(near_c))
    session.threshold = 0.1
    remove_picks(session, [at(session, near_c)])
    assert places(session) == [A, B]
    session.threshold = 0.5
    move_pick(session, at(session, A), np.array((100.0, 104.0)))
    remove_picks(session, [at(session, (100.0, 104.0))])
    assert places(session) == [B]


def test_pick_that_was_moved_onto_another_one_is_removed_with_it(session: Session) -> None:
    move_pick(session, at(session, A), np.array(B))
    assert places(session) == [B]
    remove_picks(session, [at(session, B)])
    assert places(session) == []


def test_pick_that_is_dragged_there_and_back_is_as_it_was(session: Session) -> None:
    move_pick(session, at(session, A), np.array(A))
    assert session.verdicts == {}
    move_pick(session, at(session, A), np.array(FREE))
    assert sorted(places(session)) == [B, FREE]


def test_labelled_particle_can_be_moved_and_removed_too(session: Session) -> None:
    session.labels = {"m": Labels.of([FREE])}
    assert places(session) == [A, B, FREE]
    move_pick(session, at(session, FREE), np.array((300.0, 330.0)))
    assert places(session) == [A, B, (300.0, 330.0)]
    session.edits.undo()
    remove_picks(session, [at(session, FREE), at(session, A)])
    assert places(session) == [B]
    assert taught(session).negative_yx.tolist() == [list(FREE), list(A)]


def test_last_word_holds_where_picks_were_removed_or_placed(session: Session) -> None:
    remove_picks(session, [at(session, A)])
    add_pick(session, np.array((101.0, 101.0)))
    assert places(session) == [B, (101.0, 101.0)]
    assert len(session.verdicts["m"].negative_yx) == 0
    give_verdict(session, {"m": np.array([A, B])}, "accepted")
    assert places(session) == [B, (101.0, 101.0)]  # which says the same of what was placed
    give_verdict(session, {"m": np.array([A])}, None)
    assert places(session) == [A, B]


def test_picks_by_hand_need_no_network(session: Session) -> None:
    session.candidates = {}
    assert session.picks is None
    add_pick(session, np.array(FREE))
    add_pick(session, np.array(A))
    move_pick(session, at(session, A), np.array(B))
    assert places(session) == [FREE, B]
    assert session.picks.box_size_px == BOX_PX
    session.box_size_px = 60
    assert session.picks.box_size_px == 60
    assert (session.selection.count_of("m"), session.selection.count_of("n")) == (2, None)
    session.labels = {"m": Labels.of([C])}  # for training; there is nothing that misses it
    assert places(session) == [FREE, B]


def test_counts_of_a_series_are_those_of_its_picks(session: Session) -> None:
    session.candidates = {**session.candidates, "n": session.candidates["m"]}
    session.verdicts = {"n": Labels.of([FREE], [A])}
    selection = session.selection
    assert selection.total() is None
    assert len(list(selection.steps())) == 2
    assert selection.total() == (4, 2)
    assert selection.total_of(["m", "n"]) == PickCounts(3, 1, 1)
    for threshold in (0.85, 0.1):
        session.threshold = threshold
        assert selection.count_of("n") == len(selection.picks_of("n"))
    session.verdicts = {"n": Labels.of([FREE, C], [A])}
    assert selection.count_of("n") is None
    assert list(selection.steps()) == [None]
    assert selection.count_of("n") == 3


def test_one_step_takes_back_what_one_hand_has_done(session: Session) -> None:
    states = [places(session)]
    for change in (
        lambda: add_pick(session, np.array(FREE)),
        lambda: move_pick(session, at(session, B), np.array((100.0, 240.0))),
        lambda: remove_picks(session, [at(session, A), at(session, FREE)]),
    ):
        change()
        states.append(places(session))
    for state in states[-2::-1]:
        session.edits.undo()
        assert places(session) == state
    for state in states[1:]:
        session.edits.redo()
        assert places(session) == state


def test_box_of_the_model_says_what_is_one_particle(session: Session) -> None:
    session.candidates = {}
    session.box_size_px = 400
    session.model = SimpleNamespace(
        box_size_px=BOX_PX, min_distance_px=None, std_range=(0.0, 9.0), threshold=0.5
    )
    add_pick(session, np.array(A))
    add_pick(session, np.array(A) + 11.0)
    assert len(session.picks) == 2


def learnt_again(session: Session, training_set: Sequence[LabelledMicrograph]) -> Labels:
    """What a model is trained again with that was trained on a training set."""
    shape = None, "modern", BOX_PX, Sampling(1), None, 0.5, (0.0, 9.0)
    model = Model(*shape, training_set=tuple(training_set))
    training_input = TrainingInput.of(session)
    items = join(training_input.without(model).training_set, training_input.items(), BOX_PX)
    return items[0].labels if items else NO_LABELS


@pytest.mark.parametrize("new", [(100.0, 104.0), (100.0, 130.0)])  # on the same particle, and off
def test_what_was_learnt_where_a_pick_was_moved_from_is_not_learnt_again(
    session: Session, new: tuple[float, float]
) -> None:
    give_verdict(session, {"m": np.array([A, B])}, "accepted")
    training_set = TrainingInput.of(session).items()
    move_pick(session, at(session, A), np.array(new))
    for start in ("new", "file"):
        session.rounds = (Round(1, start, 2, 0, 1, 1, None),)
        positive_yx = learnt_again(session, training_set).positive_yx.tolist()
        assert sorted(positive_yx) == sorted([list(B), list(new)])


def test_verdict_that_was_taken_back_is_not_learnt_again(session: Session) -> None:
    give_verdict(session, {"m": np.array([A, B])}, "accepted")
    training_set = TrainingInput.of(session).items()
    session.rounds = (Round(1, "file", 0, 0, 0, 0, None), Round(2, "new", 2, 0, 1, 1, None))
    give_verdict(session, {"m": np.array([A])}, None)
    assert learnt_again(session, training_set).positive_yx.tolist() == [list(B)]
    session.edits.undo()
    session.edits.undo()
    assert learnt_again(session, training_set) is NO_LABELS
    session.files, session.micrographs = {}, {}  # it is not open here
    assert learnt_again(session, training_set).positive_yx.tolist() == [list(A), list(B)]


def test_what_a_model_from_a_file_has_learnt_here_is_learnt_again_with_what_is_said(
    session: Session,
) -> None:
    elsewhere = LabelledMicrograph("m", Labels.of([FREE], [C]), complete=False)
    session.rounds = (Round(1, "file", 1, 1, 1, 1, None), Round(2, "anew", 1, 1, 1, 1, None))
    give_verdict(session, {"m": np.array([A])}, "accepted")
    labels = learnt_again(session, [elsewhere])
    assert labels.positive_yx.tolist() == [list(FREE), list(A)]
    assert labels.negative_yx.tolist() == [list(C)]
