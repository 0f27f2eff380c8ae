from scored_viewer import viewer
from series import folder, opened, scores

__all__ = ["folder", "opened", "scores", "viewer"]
