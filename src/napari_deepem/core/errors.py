"""The one exception that users see as a plain sentence."""


class InputError(ValueError):
    """Input that can't be used; the message is one line that says what to do."""
