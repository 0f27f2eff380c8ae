"""The page of a run, in one file that needs no network, and the same for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from napari_deepem import __version__
from napari_deepem.batch.report.run_statistics import RunStatistics, gather
from napari_deepem.core.network.general import is_general
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.io.atomic import replacing

PAGE, DATA = "report.html", "report.json"
TEMPLATE = Path(__file__).with_name("report_page.html")
SHOWN_MICROGRAPHS = 6
MOST_LISTED = 200  # failures and outliers of a page; the data has all


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """What is told of a run besides what its records say."""

    folder: Path
    model: Mapping[str, str]  # what describes the model, as words
    criteria: PickCriteria
    command: str = ""  # what was typed
    problems: Mapping[str, str] | None = None  # of this run, by name
    seconds: float | None = None  # that it took
    precision: str = ""  # estimated, or why it is withheld


def write_report(run: Run) -> list[Path]:
    """The paths of the page and of its data, written into the folder of a run.

    Raises
    ------
    InputError
        They can't be written there.
    """
    statistics = gather(run.folder, run.problems)
    with replacing(run.folder / DATA) as temporary:
        temporary.write_text(json.dumps(data_of(run, statistics), indent=1) + "\n", "utf-8")
    page = render(run, statistics)
    with replacing(run.folder / PAGE) as temporary:
        temporary.write_text(page, "utf-8")
    return [run.folder / PAGE, run.folder / DATA]


def model_words(model: Model, path: Path | None = None) -> dict[str, str]:
    """What describes a model, by names, for a reader of the page."""
    name = "general network" if is_general(model) else "trained"
    return {
        "model": name if path is None else str(path),
        "recipe": model.recipe,
        "box": f"{model.box_size_px} px",
    }


def data_of(run: Run, statistics: RunStatistics) -> dict[str, Any]:
    """The figures of a run as JSON values: each micrograph's state, picks, and why it failed."""
    micrographs = [
        {"name": name, "state": "picked", "path": each.path, "picks": each.n_picks}
        | ({"remark": each.remark} if each.remark else {})
        | ({"threshold": statistics.thresholds[name]} if name in statistics.thresholds else {})
        for name, each in statistics.picked.items()
        if name not in statistics.failures
    ]
    micrographs += [
        {"name": name, "state": "failed", "reason": reason}
        for name, reason in statistics.failures.items()
    ]
    return {
        "program": f"napari-deepem {__version__}",
        "command": run.command,
        "model": dict(run.model),
        "threshold": run.criteria.threshold,
        "adaptive_threshold": run.criteria.mixture is not None,
        "std_range": run.criteria.std_range,
        "min_distance_px": run.criteria.min_distance_px,
        "picked": len(micrographs) - len(statistics.failures),
        "failed": len(statistics.failures),
        "picks": statistics.n_picks,
        "estimated_precision": run.precision,
        "micrographs": micrographs,
    }


def render(run: Run, statistics: RunStatistics) -> str:
    """The page, as HTML: pictures are in it."""
    from jinja2 import Environment

    from napari_deepem.batch.report.report_pictures import (
        contact_sheet,
        curves,
        micrograph_picture,
        spread_over,
    )

    counts, outliers = statistics.counts, statistics.outliers()
    names = spread_over(list(statistics.picked), SHOWN_MICROGRAPHS)
    names += [name for name in list(outliers)[:SHOWN_MICROGRAPHS] if name not in names]
    pictures = [
        (
            name,
            statistics.picked[name],
            micrograph_picture(run.folder, name, statistics.picked[name]),
        )
        for name in names
    ]
    figures = {
        "picks": f"{statistics.n_picks:,}",
        "micrographs picked": f"{len(statistics.picked):,}",
        "failed": f"{len(statistics.failures):,}",
        "picks a micrograph (median)": f"{float(sorted(counts)[len(counts) // 2]):g}"
        if len(counts)
        else "-",
        "estimated precision": run.precision or "-",
    }
    if run.seconds:
        figures["time"] = _time(run.seconds)
    template = Environment(autoescape=True).from_string(TEMPLATE.read_text("utf-8"))
    return template.render(
        title=run.folder.absolute().name,
        version=__version__,
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        figures=figures,
        parameters=_parameters(run, statistics),
        curves=curves(statistics, run.criteria.threshold),
        random=contact_sheet(sorted(statistics.random, reverse=True), statistics.picked),
        lowest=contact_sheet(sorted(statistics.lowest, reverse=True), statistics.picked),
        pictures=[each for each in pictures if each[2]],
        outliers=list(outliers.items())[:MOST_LISTED],
        failures=list(statistics.failures.items())[:MOST_LISTED],
        more_failures=max(0, len(statistics.failures) - MOST_LISTED),
    )


def _parameters(run: Run, statistics: RunStatistics) -> dict[str, str]:
    criteria = run.criteria
    low_high = criteria.std_range
    return {
        **run.model,
        "threshold": f"{criteria.threshold:.4g}" + _adapted(statistics),
        "std range": "any" if low_high is None else f"{low_high[0]:g} to {low_high[1]:g}",
        "least distance": "a quarter of the box"
        if criteria.min_distance_px is None
        else f"{criteria.min_distance_px:.3g} px",
        "folder": str(run.folder.absolute()),
        **({"command": run.command} if run.command else {}),
    }


def _adapted(statistics: RunStatistics) -> str:
    """What an adaptive threshold has come to on the micrographs; empty for a plain one."""
    thresholds = statistics.thresholds.values()
    if not thresholds:
        return ""
    return f", adapted to each micrograph: {min(thresholds):.3g} to {max(thresholds):.3g}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
