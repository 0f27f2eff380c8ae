"""The pictures of a report: particles, whole micrographs with boxes, and curves."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_deepem.batch.report.run_statistics import (
    SCORE_EDGES,
    STD_EDGES,
    RunStatistics,
    Shown,
)
from napari_deepem.batch.run_folder import picks_of_record
from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.display_filters import (
    LOW_PASS_BOXES,
    FilteredImage,
    filter_micrograph,
)
from napari_deepem.io.images import read_micrograph
from napari_deepem.io.pick_records import Described, read_record

TILE_PX = 72  # side of a particle's picture
COLUMNS = 16
MICROGRAPH_PX = 560  # side of a whole micrograph's picture
INK, THRESHOLD, BOX = "#2563eb", "#d62728", (129, 140, 248)


def contact_sheet(shown: Iterable[Shown], described: Mapping[str, Described]) -> str:
    """The particles side by side, filtered to be seen, as a JPEG in a data URL; empty of none."""
    by_name: dict[str, list[tuple[int, Shown]]] = {}
    shown = list(shown)
    for index, each in enumerate(shown):
        by_name.setdefault(each.name, []).append((index, each))
    rows = -(-len(shown) // COLUMNS)
    sheet = Image.new("L", (COLUMNS * TILE_PX, max(1, rows) * TILE_PX), 255)
    for name, group in by_name.items():
        filtered = _filtered(described[name])
        if filtered is None:
            continue
        for index, each in group:
            tile = _tile(filtered, each, described[name].box_size_px or 1)
            sheet.paste(tile, (index % COLUMNS * TILE_PX, index // COLUMNS * TILE_PX))
    return _data_url(sheet) if shown else ""


def micrograph_picture(folder: Path, name: str, described: Described) -> str:
    """A whole micrograph with a box around each pick, as a JPEG in a data URL; empty without it."""
    filtered, record = _filtered(described), read_record(folder, name)
    if filtered is None or record is None:
        return ""
    picked = picks_of_record(name, record)
    assert picked is not None
    image = Image.fromarray(_grey(filtered)).convert("RGB")
    scale = MICROGRAPH_PX / max(image.size)
    image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BOX)
    pen = ImageDraw.Draw(image)
    shrink, half = scale / filtered.binning, (described.box_size_px or 1) / 2
    for row, col in picked.picks.centres_yx.tolist():
        corners = [(value + sign * half) * shrink for sign in (-1, 1) for value in (col, row)]
        pen.rectangle(corners, outline=BOX, width=2)
    return _data_url(image)


def curves(statistics: RunStatistics, threshold: float) -> str:
    """The picks of each micrograph, and histograms of scores and of deviations, as a data URL."""
    figure = Figure(figsize=(12.5, 3.2), layout="constrained")
    course, scores, stds = figure.subplots(1, 3, width_ratios=(2, 1.2, 1))
    course.plot(
        statistics.counts, color=INK, lw=0.8, marker="." if len(statistics.counts) < 200 else ""
    )
    course.set(xlabel="micrograph, in order of names", ylabel="picks", ylim=(0, None))
    scores.stairs(statistics.candidate_scores, SCORE_EDGES, fill=True, color=INK)
    scores.axvline(threshold, color=THRESHOLD, label=f"threshold {threshold:.3g}")
    if statistics.thresholds:
        span = min(statistics.thresholds.values()), max(statistics.thresholds.values())
        scores.axvspan(*span, color=THRESHOLD, alpha=0.2, lw=0, label="adapted to micrographs")
    scores.set(xlabel="score of candidates", ylabel="candidates", yscale="log", xlim=(0, 1))
    scores.legend(frameon=False, fontsize=8)
    stds.stairs(statistics.pick_stds, STD_EDGES, fill=True, color=INK)
    stds.set(xlabel="standard deviation of picks' pixels", ylabel="picks")
    for axes in (course, scores, stds):
        axes.spines[["top", "right"]].set_visible(False)
    content = BytesIO()
    figure.savefig(content, dpi=100, format="png")
    return f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"


def spread_over(names: Sequence[str], count: int) -> list[str]:
    """So many of the names, evenly spread, or all if there are no more."""
    if len(names) <= count:
        return list(names)
    return [names[i] for i in np.linspace(0, len(names) - 1, count).round().astype(int)]


def _filtered(described: Described) -> FilteredImage | None:
    """A micrograph as it is shown; None where it can't be read any more."""
    try:
        micrograph = read_micrograph(Path(described.path))
        low_pass_px = LOW_PASS_BOXES * (described.box_size_px or 1)
        return filter_micrograph(replace(micrograph, pixel_size=None), low_pass_px)
    except InputError:
        return None


def _grey(filtered: FilteredImage) -> NDArray[np.uint8]:
    low = filtered.middle - 3 * filtered.spread
    grey = (filtered.pixels - low) / (6 * filtered.spread or 1.0)
    return np.asarray(np.clip(255 * grey, 0, 255), dtype=np.uint8)


def _tile(filtered: FilteredImage, shown: Shown, box_size_px: int) -> Image.Image:
    half = box_size_px / filtered.binning / 2
    row, col = shown.row / filtered.binning, shown.col / filtered.binning
    image = Image.fromarray(_grey(filtered))
    left, top, side = round(col - half), round(row - half), max(1, round(2 * half))
    tile = Image.new("L", (side, side), 128)  # what lies beyond the edge
    tile.paste(image, (-left, -top))
    return tile.resize((TILE_PX - 2, TILE_PX - 2), Image.Resampling.BILINEAR)


def _data_url(image: Image.Image) -> str:
    content = BytesIO()
    image.save(content, format="JPEG", quality=82)
    return f"data:image/jpeg;base64,{b64encode(content.getvalue()).decode()}"
