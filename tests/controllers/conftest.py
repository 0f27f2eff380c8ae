from window_fixtures import _no_job_outlives_its_test, _plugins

__all__ = ["_no_job_outlives_its_test", "_plugins"]
