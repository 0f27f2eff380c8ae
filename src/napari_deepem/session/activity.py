"""How a long job is doing."""

from __future__ import annotations

from psygnal import EventedModel


class Activity(EventedModel):
    """How a long job is doing, in words and numbers that a dock can show."""

    running: bool = False
    done: int = 0
    total: int = 0  # 0: not known yet
    message: str = ""

    def begin(self, message: str, total: int = 0) -> None:
        """Say that the job has begun."""
        self.done, self.total, self.message = 0, total, message
        self.running = True

    def end(self, message: str) -> None:
        """Say that the job is over, and how."""
        self.message = message
        self.running = False
