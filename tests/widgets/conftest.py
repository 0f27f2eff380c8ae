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
    "qtbot",
]
