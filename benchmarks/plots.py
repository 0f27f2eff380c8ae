"""The figures of the pages in `docs/`: curves, never pictures of micrographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from trials import Outcome

from napari_deepem.batch.figures import saved_figure

COLOURS = {"modern": "#1f77b4", "deepem2017": "#d62728", "Topaz": "#7f7f7f"}
COLOURS |= {"from the general network": "#2ca02c", "from chance": COLOURS["modern"]}
PANEL = 3.7  # inches
FEWEST_LABELS = 5  # above none; below, the axis is linear

Panels = Mapping[str, Mapping[str, Outcome]]  # a panel's title -> a line's name -> its outcome


def draw_f2_and_precision_recall(path: Path, panels: Panels) -> None:
    """Fig. 3e above 3f: F2 against the threshold, its best marked; precision against recall."""
    with saved_figure(path, PANEL * len(panels), 2 * PANEL) as figure:
        above, below = figure.subplots(2, len(panels), squeeze=False)
        for top, bottom, (title, lines) in zip(above, below, panels.items(), strict=True):
            for name, outcome in lines.items():
                curve, colour = outcome["curve"], COLOURS[name]
                top.plot(curve["threshold"], curve["f2"], color=colour, label=name)
                top.axvline(outcome["f2_threshold"], color=colour, ls=":", lw=1)
            top.set(title=title, xlabel="score threshold", ylabel="F2", xlim=(0, 1), ylim=(0, 1.02))
            _precision_recall(bottom, lines)
        _dress([*above, *below])


def draw_precision_recall(path: Path, panels: Panels) -> None:
    """Fig. 6: precision against recall, one panel a signal-to-noise ratio."""
    with saved_figure(path, PANEL * len(panels), PANEL) as figure:
        (axes,) = figure.subplots(1, len(panels), squeeze=False)
        for panel, (title, lines) in zip(axes, panels.items(), strict=True):
            panel.set_title(title)
            _precision_recall(panel, lines)
        _dress(axes)


def draw_labels(
    path: Path, panels: Mapping[str, Mapping[str, Mapping[int, Sequence[float]]]]
) -> None:
    """Fig. 4: average precision against the number of labels, 0 or more; mean and range of seeds.

    Parameters
    ----------
    path : Path
        The picture to write.
    panels : mapping
        A panel's title -> a line's name -> the number of labels -> average precisions.
    """
    with saved_figure(path, PANEL * len(panels), PANEL) as figure:
        (axes,) = figure.subplots(1, len(panels), squeeze=False)
        for panel, (title, lines) in zip(axes, panels.items(), strict=True):
            for name, aps in lines.items():
                counts, values = list(aps), list(aps.values())
                means = np.array([np.mean(each) for each in values])
                reach = [
                    means - [min(each) for each in values],
                    [max(each) for each in values] - means,
                ]
                panel.errorbar(
                    counts, means, reach, color=COLOURS[name], label=name, marker="o", capsize=2
                )
            panel.set(title=title, xlabel="particles clicked", ylabel="average precision")
            panel.set_xscale("symlog", linthresh=FEWEST_LABELS, linscale=0.5)
            worst = min(value for aps in lines.values() for each in aps.values() for value in each)
            panel.set_ylim(np.floor(10 * worst) / 10 - 0.05, 1.02)
            all_counts = sorted({count for aps in lines.values() for count in aps})
            panel.set_xticks(all_counts, [str(count) for count in all_counts])
            panel.minorticks_off()
        _dress(axes)


def draw_classes(
    path: Path, averages: NDArray[np.float32], classes: Sequence[Mapping[str, float]]
) -> None:
    """Class averages in a row, each with its picks, how many are right, and its likeness."""
    with saved_figure(path, 1.5 * len(classes), 2.1) as figure:
        (panels,) = figure.subplots(1, len(classes), squeeze=False)
        for panel, average, of in zip(panels, averages, classes, strict=True):
            panel.imshow(average, cmap="gray")
            lines = (f"{of['picks']} picks", f"{of['right']} right", f"{of['correlation']:.2f}")
            panel.set_title("\n".join(lines), fontsize=8)
            panel.set_axis_off()


def _precision_recall(panel: Axes, lines: Mapping[str, Outcome]) -> None:
    for name, outcome in lines.items():
        curve, label = outcome["curve"], f"{name}: AP {outcome['ap']:.3f}"
        panel.plot(curve["recall"], curve["precision"], color=COLOURS[name], label=label)
    panel.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))


def _dress(axes: Sequence[Axes]) -> None:
    for panel in axes:
        panel.grid(alpha=0.3)
        panel.legend(loc="best", frameon=False, fontsize=8)
