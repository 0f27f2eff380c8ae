"""The one exception that users see as a plain sentence."""

import re

# what steers a terminal, ends a line, or stands for a byte that is no text: in a file's name
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class InputError(ValueError):
    """Input that can't be used; the message is one line that says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(_UNPRINTABLE.sub(lambda letter: ascii(letter[0])[1:-1], message))
