"""Pictures of results: picks on the micrograph, and the curves of how good they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.metrics import Evaluation, match
from napari_deepem.core.preprocessing.prepare import clip_hot_pixels
from napari_deepem.core.preprocessing.sampling import bin_image
from napari_deepem.core.types import FloatArray, Micrograph, Picks, ScoreMap
from napari_deepem.io.atomic import replacing

HIT, WRONG, MISSED = "#34d399", "#e03616", "#facc15"  # as labels and picks by hand are
PICTURES = (".png", ".pdf", ".svg")
WIDEST_PX = 1200  # a micrograph is shown binned to about this


@contextmanager
def saved_figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of that many inches, written to `path` at the end of the block.

    Raises
    ------
    InputError
        If the suffix is no picture's, or the file can't be written there.
    """
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"cannot draw {path}: give a name that ends in {', '.join(PICTURES)}")
    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure
    picture = BytesIO()  # or matplotlib's PDF fails in its own way where a disk is full
    figure.savefig(picture, dpi=110, format=path.suffix[1:].lower())
    with replacing(path) as temporary:
        temporary.write_bytes(picture.getvalue())


def draw_picks(
    path: Path,
    micrographs: Sequence[Micrograph],
    picks: Sequence[Picks],
    score_maps: Sequence[ScoreMap],
    truth_yx: Sequence[FloatArray],
    radius_px: float,
) -> None:
    """A picture written to a file, one row a micrograph: its picks by truth, and its score map."""
    with saved_figure(path, 12.5, 6.0 * len(micrographs)) as figure:
        rows = figure.subplots(len(micrographs), 2, squeeze=False)
        for axes, micrograph, chosen, score_map, truth in zip(
            rows, micrographs, picks, score_maps, truth_yx, strict=True
        ):
            _show_micrograph(axes[0], micrograph)
            _show_boxes(axes[0], chosen, truth, radius_px)
            axes[0].set_title(f"{micrograph.name}: {len(chosen)} picks", fontsize=10)
            _show_scores(axes[1], score_map, micrograph.shape)
        figure.legend(
            handles=[
                Line2D([], [], color=HIT, marker="s", ls="", mfc="none", label="pick, labelled"),
                Line2D([], [], color=WRONG, marker="s", ls="", mfc="none", label="pick, no label"),
                Line2D([], [], color=MISSED, marker="x", ls="", label="label, not picked"),
            ],
            loc="outside lower center",
            ncols=3,
            frameon=False,
        )


def draw_curves(path: Path, evaluation: Evaluation, threshold: float | None = None) -> None:
    """The curves of precision against recall and of F2 against threshold (Fig. 3e-f of the paper).

    `threshold` is the one that was chosen on other data; it is marked in both.
    """
    with saved_figure(path, 10.5, 4.6) as figure:
        left, right = figure.subplots(1, 2)
        left.plot(evaluation.recalls, evaluation.precisions, color="#1f77b4")
        left.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
        left.set_title(
            f"average precision {evaluation.ap:.3f}, matched within {evaluation.radius_px:g} px",
            fontsize=10,
        )
        right.plot(evaluation.thresholds, evaluation.f2s, color="#1f77b4", label="F2")
        right.set(xlabel="score threshold", ylabel="F2", xlim=(0, 1), ylim=(0, 1.02))
        right.set_title(f"best F2 {evaluation.f2:.3f}", fontsize=10)
        if evaluation.f2_threshold is not None:
            _mark(left, right, evaluation, evaluation.f2_threshold, "0.4", "best F2 here")
        if threshold is not None:
            _mark(left, right, evaluation, threshold, WRONG, "set by training")
        for axes in (left, right):
            axes.grid(alpha=0.3)
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="lower left", frameon=False)


def _mark(
    left: Axes, right: Axes, evaluation: Evaluation, threshold: float, colour: str, name: str
) -> None:
    """Mark a threshold on the F2 curve, and the point that it gives on the other."""
    right.axvline(threshold, color=colour, ls="--", label=f"{name}: {threshold:.3f}")
    picked = np.flatnonzero(evaluation.thresholds >= threshold)
    if picked.size:
        recall, precision = evaluation.recalls[picked[-1]], evaluation.precisions[picked[-1]]
        left.plot(recall, precision, "o", color=colour, label=name)


def _show_micrograph(axes: Axes, micrograph: Micrograph) -> None:
    height, width = micrograph.shape
    shown = bin_image(clip_hot_pixels(micrograph.image), max(1, width // WIDEST_PX))
    darkest, brightest = np.percentile(shown, (1, 99))
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(shown, cmap="gray", vmin=darkest, vmax=brightest, extent=extent)
    _frame(axes, micrograph.shape)


def _show_boxes(axes: Axes, picks: Picks, truth_yx: FloatArray, radius_px: float) -> None:
    hit = match(picks.centres_yx, truth_yx, radius_px, picks.scores)
    is_picked = match(truth_yx, picks.centres_yx, radius_px)
    side = picks.box_size_px or 2 * radius_px
    for chosen, colour in ((hit, HIT), (~hit, WRONG)):
        boxes = [
            Rectangle((col - side / 2, row - side / 2), side, side)
            for row, col in picks.centres_yx[chosen]
        ]
        axes.add_collection(PatchCollection(boxes, facecolor="none", edgecolor=colour, lw=1.2))
    missed_yx = truth_yx[~is_picked]
    axes.plot(missed_yx[:, 1], missed_yx[:, 0], "x", color=MISSED, ms=7, mew=1.8)


def _show_scores(axes: Axes, score_map: ScoreMap, shape: tuple[int, int]) -> None:
    rows, cols = score_map.scores.shape
    first = score_map.origin_px - score_map.step_px / 2
    extent = (
        first, first + cols * score_map.step_px, first + rows * score_map.step_px, first,
    )  # fmt: skip
    shown = axes.imshow(score_map.scores, cmap="magma", vmin=0, vmax=1, extent=extent)
    _frame(axes, shape)
    axes.set_title("score", fontsize=10)
    axes.figure.colorbar(shown, ax=axes, shrink=0.7)


def _frame(axes: Axes, shape: tuple[int, int]) -> None:
    """Show just the micrograph, first row on top, whatever reaches over its border."""
    axes.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5), autoscale_on=False)
    axes.set_axis_off()
