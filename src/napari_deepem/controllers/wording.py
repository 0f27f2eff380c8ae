"""How things are said to the user, in every dock the same way."""


def counted(number: int, noun: str) -> str:
    """Say how many there are of something."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
