"""Whether picks that are none lie apart from particles by likeness: docs/likeness.md.

    python benchmarks/likeness.py

The general network picks micrographs at a low threshold, so that many picks are wrong; which are
right is not shown to it. What it sees in a box is summed up in some ways, of which one is chosen on
simulated micrographs and reported on real ones. A minute of one core.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pages
import sets
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.stats import rankdata

from napari_deepem.batch.figures import HIT, WRONG, saved_figure
from napari_deepem.core.evaluation.likeness import groups_alike, principal_components
from napari_deepem.core.evaluation.metrics import match
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.network.box_features import box_features, ring_features
from napari_deepem.core.network.general import general_model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.types import FloatArray
from napari_deepem.session.boxes_alike import crops_of

THRESHOLD = 0.35
NEIGHBOURS = 15
MOSTLY = 0.5  # of a group: it is rejected where fewer are right
CHOSEN_ON = ("rubisco", "ClpB", "26S", "thyroglobulin", "receptor")
REPORTED_ON = ("apoferritin", "bgal 0", "80S")
TITLES = {"bgal 0": "beta-galactosidase", "80S": "80S ribosome"}
USED = "middle, ring, outside"
SUMS: dict[str, Callable[..., FloatArray]] = {"whole box": box_features, USED: ring_features}
COUNTS = (2, 5, 10, 20)  # of components
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """The picks of a set, as the network sees them."""

    name: str
    scores: FloatArray
    is_right: Mask
    features: dict[str, FloatArray]  # by how they are summed up, see `SUMS`


def look(name: str) -> Seen:
    """Pick a set, and look at every box that is picked."""
    labelled = sets.load(name)
    model = general_model(labelled.box_px)
    scores, is_right = [], []
    features: dict[str, list[FloatArray]] = {each: [] for each in SUMS}
    # of simulated ones, of which there are as many as one likes, a few are enough
    trained_on = () if name in sets.DEVELOPMENT else labelled.training
    for micrograph, truth_yx in [*trained_on, *labelled.test]:
        candidates = find_candidates(score(micrograph, model))
        picks = PickCriteria(THRESHOLD, model.std_range).picks_of(candidates)
        assert picks.scores is not None
        radius_px = SAME_PARTICLE_BOXES * labelled.box_px
        scores.append(picks.scores)
        is_right.append(match(picks.centres_yx, truth_yx, radius_px, picks.scores))
        crops = crops_of(micrograph, picks.centres_yx, model)
        for each, summed in SUMS.items():
            features[each].append(summed(model.network, crops))
    print(f"{name}: {sum(map(len, scores))} picks", flush=True)
    joined = {each: np.concatenate(parts) for each, parts in features.items()}
    return Seen(name, np.concatenate(scores), np.concatenate(is_right), joined)


def components_of(seen: Seen, summed: str = USED, count: int = 10) -> FloatArray:
    return principal_components(seen.features[summed], count)


def told_by(values: FloatArray, is_right: Mask) -> float:
    """The area under the ROC curve: how well (n,) values tell right picks from wrong ones."""
    ranks, n_right = rankdata(values), int(is_right.sum())
    above = ranks[is_right].sum() - n_right * (n_right + 1) / 2
    return float(above / (n_right * (len(is_right) - n_right)))


def told_by_neighbours(places: FloatArray, is_right: Mask) -> float:
    """The same of the share of a pick's neighbours that is right, on (n, k) places."""
    scaled = places / places.std(axis=0)
    _, nearest = KDTree(scaled).query(scaled, NEIGHBOURS + 1)
    return told_by(is_right[nearest[:, 1:]].mean(axis=1), is_right)


def by_groups(seen: Seen) -> dict[str, Any]:
    """What is left of the picks if the groups that are mostly wrong are rejected."""
    groups = groups_alike(components_of(seen))
    parts = [groups == group for group in range(groups.max() + 1)]
    kept = np.any([part for part in parts if seen.is_right[part].mean() >= MOSTLY], axis=0)
    by_score = np.argsort(-seen.scores)[: int(kept.sum())]
    return {
        "groups": [[int(part.sum()), float(seen.is_right[part].mean())] for part in parts],
        "kept": int(kept.sum()),
        "right then": float(seen.is_right[kept].mean()),
        "right by score": float(seen.is_right[by_score].mean()),
        "lost": float(1 - seen.is_right[kept].sum() / seen.is_right.sum()),
    }


def figures_of(seen: Seen) -> dict[str, Any]:
    """All that the page tells of a set."""
    return {
        "picks": len(seen.is_right),
        "right": float(seen.is_right.mean()),
        "told by the score": told_by(seen.scores, seen.is_right),
        "told by neighbours": {
            summed: {
                str(count): told_by_neighbours(components_of(seen, summed, count), seen.is_right)
                for count in COUNTS
            }
            for summed in SUMS
        },
        **by_groups(seen),
    }


def choice_table(figures: dict[str, dict[str, Any]]) -> str:
    """How well neighbours tell, by what is looked at, on the sets that this was chosen on."""
    rows = []
    for summed in SUMS:
        for count in COUNTS:
            told = [each["told by neighbours"][summed][str(count)] for each in figures.values()]
            cells = [f"{value:.3f}" for value in (np.mean(told), *told)]
            rows.append([summed, str(count), *cells])
    rows.append(
        ["the score alone", "", *_with_mean([e["told by the score"] for e in figures.values()])]
    )
    return pages.table(["summed over", "components", "mean", *figures], rows)


def _with_mean(values: Sequence[float]) -> list[str]:
    return [f"{value:.3f}" for value in (np.mean(values), *values)]


def report_table(figures: dict[str, dict[str, Any]]) -> str:
    """What likeness tells of each set."""
    rows = []
    for name, each in figures.items():
        told = each["told by neighbours"][USED]
        cells = [each["told by the score"], told["2"], told["10"]]
        shares = (f"{value:.3f}" for value in (each["right"], *cells))
        rows.append([TITLES.get(name, name), str(each["picks"]), *shares])
    header = ["", "picks", "right", "told by the score", "by neighbours on the plane"]
    return pages.table([*header, "in ten components"], rows)


def group_table(figures: dict[str, dict[str, Any]]) -> str:
    """The groups of each set, and what is left without those that are mostly wrong."""
    rows = []
    for name, each in figures.items():
        groups = ", ".join(f"{share:.2f} of {count}" for count, share in each["groups"])
        before_after = f"{each['picks']} to {each['kept']}"
        shares = [f"{each[key]:.3f}" for key in ("right then", "lost", "right by score")]
        rows.append([TITLES.get(name, name), groups, before_after, *shares])
    header = ["", "right in each group", "picks kept", "right then", "right ones lost"]
    return pages.table([*header, "right among as many by score"], rows)


def draw(path: Path, seen: Sequence[Seen]) -> None:
    """The planes: each pick a dot, right or wrong."""
    with saved_figure(path, 3.7 * len(seen), 4.0) as figure:
        (row,) = figure.subplots(1, len(seen), squeeze=False)
        for axes, each in zip(row, seen, strict=True):
            places = components_of(each)[:, :2]
            for mask, colour, marker, text in (
                (each.is_right, HIT, "o", "has a label"),
                (~each.is_right, WRONG, "x", "has none"),
            ):
                axes.scatter(*places[mask].T, s=9, lw=0.8, c=colour, marker=marker, label=text)
            axes.set(
                title=TITLES.get(each.name, each.name),
                xlabel="first component",
                xticks=[],
                yticks=[],
            )
        row[0].set_ylabel("second component")
        handles, texts = row[0].get_legend_handles_labels()
        figure.legend(handles, texts, loc="outside lower center", ncols=2, frameon=False)


def main() -> None:
    """Look at all sets, draw and write the page."""
    chosen_on = [look(name) for name in CHOSEN_ON if sets.is_present(name)]
    real = [look(name) for name in REPORTED_ON if sets.is_present(name)]
    draw(pages.image("likeness"), real)
    write(*({seen.name: figures_of(seen) for seen in each} for each in (chosen_on, real)))


def write(choice: dict[str, dict[str, Any]], report: dict[str, dict[str, Any]]) -> None:
    """Write the page of figures by set: those that were chosen on, and those to report."""
    parts = [
        ABOUT,
        "![The plane of likeness of three real sets](images/likeness.png)",
        report_table(report),
        GROUPED,
        group_table(report),
        READ,
        "## How the features were chosen",
        CHOICE,
        choice_table(choice),
    ]
    pages.write_page("likeness", "Picks by likeness", parts, choice | report)


ABOUT = f"""\
*By likeness* in Review lays picks out by what the network sees in them. Do those that are none
lie apart from particles there? The general network, which was not trained on any of these, picks
all real micrographs of three sets at a threshold of {THRESHOLD:g}, low enough that many picks
are wrong; labels that it was not shown say which. Labels are incomplete: a pick without one may
be a particle, and all shares are lower bounds. In the picture each pick is a point, crosses are
drawn over dots.

*Told by* is the area under the ROC curve, 0.5 by chance and 1 at best: how well the score tells
right picks from wrong ones, and how well the {NEIGHBOURS} nearest picks do, if one knew what
they are, on the plane of the window and in the ten components that groups are made of."""

GROUPED = """\
What is left if the groups that are mostly wrong are rejected, a click and a key each; and beside it
what is right among as many picks of the best scores, as a higher threshold leaves them:"""

READ = """\
- On apoferritin what is none is a cloud of its own, and two of the six groups hold hardly
  anything else. With these and a third one gone, 66 % that are right become 97 %, and 5 % of the
  right ones are lost.
- On the micrograph of 80S ribosomes one group holds no particle at all.
- On beta-galactosidase, small and hardly seen, there are no clouds. Two groups are mostly wrong,
  the other four are mixed.
- A higher threshold does as much: among as many picks of the best scores, as many are right, to
  about a hundredth. What the window adds is the sight of what kinds there are, where scores
  can't be trusted or one kind is to go. In ten components neighbours tell more than the score on
  beta-galactosidase: verdicts on some teach what others are, which *Train again* makes use of."""

CHOICE = f"""\
On simulated micrographs, where the truth is known, four of each molecule, by the same network
and threshold. Used is: {USED}; ten components. No other number or sum is clearly better, and on
the plane three rings tell more than the whole box. Whoever chose them at first had looked at
apoferritin and beta-galactosidase; these sets confirm it."""


if __name__ == "__main__":
    main()
