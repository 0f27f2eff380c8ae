from series import folder, opened, scores, slow_score
from window_fixtures import _no_job_outlives_its_test, _plugins

__all__ = ["_no_job_outlives_its_test", "_plugins", "folder", "opened", "scores", "slow_score"]
