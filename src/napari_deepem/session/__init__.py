"""The session of a user: its evented state and the jobs on it. No Qt, no napari."""

from napari_deepem.session.activity import Activity
from napari_deepem.session.scored import Scored
from napari_deepem.session.state import Session

__all__ = ["Activity", "Scored", "Session"]
