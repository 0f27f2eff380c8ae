"""The session of a user: its evented state and the jobs on it. No Qt, no napari."""

from napari_deepem.session.activity import Activity
from napari_deepem.session.state import Scored, Session

__all__ = ["Activity", "Scored", "Session"]
