"""How long a job still takes, as its message says it."""


def time_left(epoch: int, epochs: int, seconds: float) -> str:
    """The end of a message: how long the rest takes; empty before a second epoch is over.

    `seconds` have passed from the end of epoch 1 to that of `epoch`.
    """
    if epoch < 2:
        return ""
    left = round(seconds / (epoch - 1) * (epochs - epoch))
    return f", about {left} s left" if left < 90 else f", about {round(left / 60)} min left"
