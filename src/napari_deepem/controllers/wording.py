"""How things are said to the user, in every dock the same way."""


def counted(number: int, noun: str) -> str:
    """Say how many there are of something."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def time_left(epoch: int, epochs: int, seconds: float) -> str:
    """Say how long the rest takes, if `seconds` have passed from the end of epoch 1 to now."""
    if epoch < 2:
        return ""
    left = round(seconds / (epoch - 1) * (epochs - epoch))
    return f", about {left} s left" if left < 90 else f", about {round(left / 60)} min left"
