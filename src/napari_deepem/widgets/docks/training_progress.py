"""How far a training is, and the button that stops it: in every dock that starts one."""

from __future__ import annotations

from napari_deepem.widgets.docks.dock import Dock, button, enable_running
from napari_deepem.widgets.docks.gap_bar import progress_bar

WHAT_STOP_DOES = "Ends now and keeps the best network so far."


class TrainingProgress:
    """A bar that is seen while a network is trained, and a button beside what starts it."""

    def __init__(self, dock: Dock) -> None:
        self._activity = dock.session.training
        self.bar = progress_bar()
        self.stop = button("Stop", dock.link.training.stop)
        dock.follow(self._activity.events.running, self.show)
        for name in ("done", "total"):
            dock.follow(self._activity.events[name], self._move)

    def show(self) -> None:
        """Show the training that is running, or none."""
        enable_running(self.stop, self._activity.running, WHAT_STOP_DOES)
        self.bar.visible = self._activity.running
        self._move()

    def _move(self) -> None:
        self.bar.max = self._activity.total
        self.bar.value = min(self._activity.done, self._activity.total)
