"""How long a job still takes, as its message says it."""


def time_left(epoch: int, epochs: int, seconds: float) -> str:
    """The end of a message: how long the rest takes; empty before a second epoch is over.

    `seconds` have passed from the end of epoch 1 to that of `epoch`.
    """
    if epoch < 2:
        return ""
    seconds_left = round(seconds / (epoch - 1) * (epochs - epoch))
    if seconds_left < 90:
        return f", about {seconds_left} s left"
    return f", about {round(seconds_left / 60)} min left"
