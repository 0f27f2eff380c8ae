"""Pages of results in `docs/`, written by the scripts that measure them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import sets
from trials import MEMORY, ROOT, Outcome, Trial, as_json, setting

from napari_deepem.io.atomic import replacing

OUTPUT = MEMORY if sets.QUICK else ROOT
DOCS = OUTPUT / "docs"
NOT_MEASURED = "-"


def write_page(
    name: str,
    title: str,
    parts: Iterable[str],
    outcomes: Mapping[Trial, Outcome],
) -> None:
    """Write `docs/<name>.md`, and what it shows as `benchmarks/results/<name>.json`."""
    made = f"*Written by `python benchmarks/{name}.py`. {setting()}*"
    page = DOCS / f"{name}.md"
    with replacing(page) as temporary:
        temporary.write_text("\n\n".join([f"# {title}", made, *parts]) + "\n", encoding="utf-8")
    with replacing(OUTPUT / "benchmarks" / "results" / f"{name}.json") as temporary:
        temporary.write_text(as_json({repr(trial): outcomes[trial] for trial in outcomes}))
    print(f"wrote {page.relative_to(OUTPUT)}")


def image(name: str) -> Path:
    """Where a picture goes."""
    return DOCS / "images" / f"{name}.png"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def mean(outcomes: Iterable[Outcome | None], figure: str) -> float | None:
    """The mean of a figure over outcomes; None where one is missing."""
    values = [None if outcome is None else outcome.get(figure) for outcome in outcomes]
    return None if not values or None in values else float(np.mean(values))


def shown(value: float | None, form: str = ".3f") -> str:
    """A number for a table."""
    return NOT_MEASURED if value is None else f"{value:{form}}"


def code(lines: Iterable[str]) -> str:
    """Lines as a block."""
    return "\n".join(f"    {line}" for line in lines)
