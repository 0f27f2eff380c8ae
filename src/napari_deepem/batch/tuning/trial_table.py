"""The table of a study's trials, as text, CSV and Markdown."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from napari_deepem.batch.tuning.choice import Choice
from napari_deepem.batch.tuning.study import Study, Trial
from napari_deepem.batch.tuning.trainings import hyper_parameters
from napari_deepem.core.errors import InputError
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.io.atomic import replacing

Row = dict[str, str]  # what each column says
LEGEND = (
    "AP: average precision of the picks on the micrographs that the search judged by; repeated: "
    "mean +- standard deviation of further trainings (how many), each with other micrographs held "
    "out; unseen: the same on micrographs that the search never saw. Kernels of C1/C3/C5, cells of "
    "S2/S4/S6; learning rate; negatives per positive."
)


def trial_rows(study: Study, settings: TrainingSettings, choice: Choice | None = None) -> list[Row]:
    """The rows, one a trial: its hyper-parameters, its figures so far, and which is chosen."""
    repeats = list(study.repeats.values())
    rows = []
    for trial in study.trials:
        own = [repeat for repeat in repeats if repeat.trial == trial.number]
        unseen_aps = [repeat.unseen_ap for repeat in own if repeat.unseen_ap is not None]
        remarks = ["default"] if trial.number == 0 else [trial.note] if trial.note else []
        if choice is not None and trial.number == choice.chosen.number:
            remarks.append("chosen")
        rows.append(
            {
                "trial": str(trial.number),
                **_hyper_parameters(trial, settings),
                "AP": "" if trial.ap is None else f"{trial.ap:.4f}",
                "repeated": _spread([repeat.ap for repeat in own if repeat.seed != settings.seed]),
                "unseen": _spread(unseen_aps),
                "seconds": "" if trial.seconds is None else f"{trial.seconds:.0f}",
                "remark": ", ".join(remarks),
            }
        )
    return rows


def write_trials(study: Study, settings: TrainingSettings, choice: Choice | None = None) -> Path:
    """The path of the table, written beside the study as NAME-trials.md and as NAME-trials.csv."""
    rows = trial_rows(study, settings, choice)
    as_csv, as_markdown = table_paths(study.path)
    with replacing(as_csv) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    cells = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    lines = [f"| {' | '.join(line)} |" for line in cells]
    with replacing(as_markdown) as temporary:
        temporary.write_text("\n".join([*lines, "", LEGEND, ""]), encoding="utf-8")
    return as_markdown


def table_paths(study_path: Path) -> tuple[Path, Path]:
    """The paths of a study's table, as CSV and as Markdown."""
    stem = f"{study_path.stem}-trials"
    return study_path.with_name(f"{stem}.csv"), study_path.with_name(f"{stem}.md")


def _hyper_parameters(trial: Trial, settings: TrainingSettings) -> Row:
    try:
        return hyper_parameters(trial.variant.applied_to(settings))
    except InputError:  # such cells do not fit the box: the remark says so
        return dict.fromkeys(hyper_parameters(settings), "")


def _spread(aps: Sequence[float]) -> str:
    """The mean, standard deviation and number of average precisions, as text."""
    if len(aps) < 2:
        return "".join(f"{ap:.4f} (1)" for ap in aps)
    return f"{mean(aps):.4f} +- {stdev(aps):.4f} ({len(aps)})"
