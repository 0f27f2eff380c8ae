"""The progress of a long job."""

from __future__ import annotations

from psygnal import EventedModel


class Activity(EventedModel):
    """The progress of a long job, in words and numbers that a dock can show."""

    running: bool = False
    done: int = 0
    total: int = 0  # 0: not known yet
    message: str = ""

    def begin(self, message: str, total: int = 0) -> None:
        """Set the progress to that of a job that begins, of `total` steps; 0: not known yet."""
        self.done, self.total, self.message = 0, total, message
        self.running = True

    def end(self, message: str) -> None:
        """Set the progress to that of a job that is over, and say how it ended."""
        self.message = message
        self.running = False
