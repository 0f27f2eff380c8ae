"""What the message of a job says of the time it still takes."""

from napari_deepem.controllers.time_left import time_left


def test_time_left_is_told_from_the_second_epoch_on() -> None:
    assert time_left(1, 40, 0.0) == ""
    assert time_left(11, 31, 10.0) == ", about 20 s left"
    assert time_left(11, 31, 100.0) == ", about 3 min left"
