from series import folder, opened, scores, slow_score
from window_fixtures import (
    _no_dock_outlives_the_tests,
    _no_job_outlives_its_test,
    _plugins,
    qtbot,
)

__all__ = [
    "_no_dock_outlives_the_tests",
    "_no_job_outlives_its_test",
    "_plugins",
    "folder",
    "opened",
    "qtbot",
    "scores",
    "slow_score",
]
