from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deepem.core.types import Labels, Micrograph
from napari_deepem.session import Session
from napari_deepem.session.history import History, same

NAMES = ("m1", "m2", "m3")


def a_session() -> Session:
    return Session(
        micrographs={name: Micrograph(np.zeros((60, 90)), name) for name in NAMES},
        current="m1",
        labels={name: Labels.of() for name in NAMES},
    )


def put(session: Session, labels: dict[str, Labels]) -> None:
    session.labels = {**session.labels, **labels}


def label(session: Session, name: str, *positive_yx: tuple[float, float]) -> None:
    put(session, {name: Labels.of(positive_yx)})


def a_history(session: Session) -> History:
    return session.edits


def places(session: Session) -> dict[str, tuple[list, list]]:
    return {
        name: (labels.positive_yx.tolist(), labels.negative_yx.tolist())
        for name, labels in session.labels.items()
    }


def test_undo_takes_back_and_goes_to_the_micrograph() -> None:
    session = a_session()
    history = a_history(session)
    label(session, "m1", (1, 1))
    put(session, {"m2": Labels.of([], [(2, 2)])})
    assert history.undo() == session.current == "m2"
    assert len(session.labels["m2"].negative_yx) == 0
    assert history.undo() == session.current == "m1"
    assert not history.can_undo
    assert history.undo() is None
    assert history.redo() == "m1"
    assert history.redo() == session.current == "m2"
    assert places(session)["m2"] == ([], [[2.0, 2.0]])


def test_undo_of_a_step_that_reached_the_current_micrograph_stays_there() -> None:
    session = a_session()
    history = a_history(session)
    put(session, {"m2": Labels.of([(1, 1)]), "m1": Labels.of([(2, 2)])})
    assert history.undo() == "m1"
    assert places(session) == {name: ([], []) for name in NAMES}
    assert not history.can_undo


def test_labels_in_the_same_places_are_no_step() -> None:
    session = a_session()
    history = a_history(session)
    label(session, "m1")
    assert not history.can_undo


def test_new_change_ends_what_could_be_redone() -> None:
    session = a_session()
    history = a_history(session)
    label(session, "m1", (1, 1))
    history.undo()
    label(session, "m2", (2, 2))
    assert not history.can_redo


def test_unsure_labels_come_back_too() -> None:
    session = a_session()
    history = a_history(session)
    put(session, {"m1": Labels.of(unsure_yx=[(3, 3)])})
    put(session, {"m1": Labels.of()})
    history.undo()
    assert session.labels["m1"].unsure_yx.tolist() == [[3, 3]]


def test_closed_micrograph_leaves_the_history_of_the_others() -> None:
    session = a_session()
    history = a_history(session)
    label(session, "m1", (1, 1))
    label(session, "m2", (2, 2))
    session.labels = {name: each for name, each in session.labels.items() if name != "m2"}
    assert history.undo() == "m1"
    assert not history.can_undo


def test_labels_that_were_read_are_no_step_and_never_lost() -> None:
    session = a_session()
    history = a_history(session)
    label(session, "m1", (1, 1))
    label(session, "m2", (2, 2))
    with history.no_step():
        label(session, "m1", (5, 5))
    assert history.undo() == "m2"
    assert not history.can_undo
    assert places(session)["m1"] == ([[5, 5]], [])


def test_it_says_when_there_is_something_to_undo() -> None:
    session = a_session()
    history = a_history(session)
    news = []
    history.changed.connect(lambda: news.append((history.can_undo, history.can_redo)))
    label(session, "m1", (1, 1))
    history.undo()
    assert news == [(True, False), (False, True)]


positions = st.lists(st.tuples(st.integers(0, 59), st.integers(0, 89)), max_size=3)
edits = st.tuples(st.sampled_from(NAMES), positions, positions)
groups = st.lists(edits, min_size=1, max_size=3)


@settings(max_examples=40)
@given(st.lists(st.one_of(groups, st.sampled_from(["undo", "redo"])), max_size=20))
def test_undo_and_redo_walk_through_the_states_that_there_were(actions: list) -> None:
    session = a_session()
    history = a_history(session)
    states, now = [places(session)], 0
    for action in actions:
        if action == "undo":
            now = max(0, now - 1)
            history.undo()
        elif action == "redo":
            now = min(len(states) - 1, now + 1)
            history.redo()
        else:
            put(session, {name: Labels.of(*places_yx) for name, *places_yx in action})
            if places(session) != states[now]:
                states = [*states[: now + 1], places(session)]
                now += 1
        assert places(session) == states[now]
        assert (history.can_undo, history.can_redo) == (now > 0, now < len(states) - 1)


@given(positions, positions)
def test_labels_are_the_same_where_their_places_are(one: list, other: list) -> None:
    assert same(Labels.of(one), Labels.of(other)) == (one == other)
    assert same(Labels.of((), one), Labels.of((), other)) == (one == other)


def test_labels_and_verdicts_are_undone_in_the_order_in_which_they_were_made() -> None:
    session = a_session()
    session.verdicts = {"m2": Labels.of([(2, 2)])}
    label(session, "m1", (1, 1))
    session.verdicts = {"m2": Labels.of([(2, 2)], [(3, 3)])}
    assert session.edits.undo() == session.current == "m2"
    assert len(session.verdicts["m2"].negative_yx) == 0
    assert places(session)["m1"] == ([[1.0, 1.0]], [])
    assert session.edits.undo() == session.current == "m1"
    assert places(session)["m1"] == ([], [])
    assert session.edits.undo() == "m2"
    assert not session.edits.can_undo
    assert len(session.verdicts["m2"].positive_yx) == 0
    assert [session.edits.redo() for _ in range(3)] == ["m2", "m1", "m2"]
    assert session.verdicts["m2"].negative_yx.tolist() == [[3.0, 3.0]]


def test_verdicts_that_were_read_leave_the_steps_of_labels() -> None:
    session = a_session()
    label(session, "m1", (1, 1))
    with session.edits.no_step():
        session.verdicts = {"m1": Labels.of([(2, 2)])}
    assert session.edits.undo() == "m1"
    assert places(session)["m1"] == ([], [])
    assert session.verdicts["m1"].positive_yx.tolist() == [[2.0, 2.0]]
