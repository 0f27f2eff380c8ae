"""An activity tells how a job is doing: `running` last, so that who follows it sees all of it."""

from __future__ import annotations

from napari_deepem.session import Activity


def test_job_that_begins_has_done_nothing_yet() -> None:
    activity = Activity(done=3, total=5, message="Stopped.")
    activity.begin("Reading ...", total=4)
    assert (activity.running, activity.done, activity.total) == (True, 0, 4)
    assert activity.message == "Reading ..."
    activity.begin("Reading ...")
    assert activity.total == 0


def test_job_that_ends_keeps_its_figures_and_says_how_it_went() -> None:
    activity = Activity()
    activity.begin("Reading ...", total=4)
    activity.done = 4
    activity.end("Read.")
    assert not activity.running
    assert (activity.done, activity.total, activity.message) == (4, 4, "Read.")


def test_words_are_there_before_the_job_is_said_to_run_or_to_be_over() -> None:
    activity, heard = Activity(), list[str]()
    activity.events.running.connect(lambda: heard.append(activity.message))
    activity.begin("Reading ...")
    activity.end("Read.")
    assert heard == ["Reading ...", "Read."]
