"""Tuning: variants of a recipe are tried for some minutes, and a model is trained with the best.

In the order of the flow: `files` reads, and finds the study to go on with; `run` spends the time;
`trainings` are the single trainings; `study` says what to try next in the `search_space` and keeps
what was tried in a `study_file`;
`choice` says whether the default stays; `trial_table` shows all of it.
"""

from napari_deepem.batch.tuning.files import tune_on_files
from napari_deepem.batch.tuning.run import Tuned, TuningProgress
from napari_deepem.batch.tuning.trainings import Split, TrialDone, TrialEpoch

__all__ = ["Split", "TrialDone", "TrialEpoch", "Tuned", "TuningProgress", "tune_on_files"]
