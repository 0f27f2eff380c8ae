"""What the message of a job says of the time it still takes."""

from napari_deepem.controllers.time_left import TimeLeft


class Clock:
    """A clock that goes on when it is told to."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_time_left_is_told_within_the_first_second_and_not_at_the_end() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    assert left.after(0, 40) == ""
    clock.seconds += 0.8
    assert left.after(1, 40) == ", about 35 s left"
    assert left.after(40, 40) == ""
    assert left.after(3, 0) == ""  # not known of how many


def test_time_left_is_said_as_one_would() -> None:
    for done, total, said in (
        (1, 5, "4 s"),
        (1, 48, "50 s"),
        (1, 180, "3 min"),
        (1, 9001, "2.5 h"),
    ):
        clock = Clock()
        left = TimeLeft(clock)
        clock.seconds += 1.0
        assert left.after(done, total) == f", about {said} left"


def test_time_left_does_not_jump_where_work_is_uneven() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    told = []
    for done in range(1, 40):
        clock.seconds += 1.2 if done % 2 else 0.8
        told.append(left.after(done, 40))
    seconds = [float(each.split()[2]) for each in told]
    assert seconds == sorted(seconds, reverse=True)


def test_time_left_grows_where_work_turns_out_slower() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    clock.seconds += 1.0
    assert left.after(10, 40) == ", about 3 s left"
    clock.seconds += 4.0
    assert left.after(11, 40) == ", about 15 s left"
