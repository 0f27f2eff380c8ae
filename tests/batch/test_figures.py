from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from blobs import BOX_PX, blob_micrograph
from napari_deepem.batch import figures
from napari_deepem.batch.figures import draw_curves, draw_picks, saved_figure
from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.metrics import evaluate
from napari_deepem.core.types import Picks, ScoreMap

MICROGRAPH, TRUTH = blob_micrograph(1)
PICKS = Picks(
    np.vstack([TRUTH[:5], [[100.0, 3.0]]]), np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), BOX_PX
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved."""
    found: list[Figure] = []
    save = Figure.savefig

    def note(self: Figure, *arguments: object, **options: object) -> None:
        found.append(self)
        save(self, *arguments, **options)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(Figure, "savefig", note)
    return found


def draw_sample(path: Path) -> None:
    score_map = ScoreMap(
        np.random.default_rng(0).random((19, 24)).astype(np.float32),
        np.ones((19, 24), np.float32),
        -0.5,
        6.0,
        BOX_PX,
    )
    draw_picks(path, [MICROGRAPH], [PICKS], [score_map], [TRUTH], BOX_PX / 4)


def test_figures_are_pictures(tmp_path: Path) -> None:
    draw_sample(tmp_path / "picks.png")
    draw_curves(tmp_path / "curves.png", evaluate([PICKS], [TRUTH], 6), 0.55)
    for name in ("picks", "curves"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 2


def test_boxes_and_misses_are_drawn_where_they_are(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_sample(tmp_path / "picks.png")
    micrograph, scores = drawn[0].axes[:2]
    hits, wrong = micrograph.collections
    middles = np.array([path.get_extents().get_points().mean(axis=0) for path in hits.get_paths()])
    np.testing.assert_allclose(np.sort(middles[:, ::-1], axis=0), np.sort(TRUTH[:5], axis=0))
    (other,) = wrong.get_paths()
    np.testing.assert_allclose(other.get_extents().get_points().mean(axis=0), [3.0, 100.0])
    assert other.get_extents().width == BOX_PX
    (missed,) = micrograph.lines
    np.testing.assert_allclose(np.array(missed.get_data())[::-1].T, TRUTH[5:])
    height, width = MICROGRAPH.shape
    for axes in (micrograph, scores):  # the first row is at the top
        assert axes.get_xlim() == (-0.5, width - 0.5)
        assert axes.get_ylim() == (height - 0.5, -0.5)


def test_score_map_is_drawn_on_its_grid(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_sample(tmp_path / "picks.png")
    (image,) = drawn[0].axes[1].images
    left, right, bottom, top = image.get_extent()
    assert (left, top) == (-0.5 - 3.0, -0.5 - 3.0)  # half a step before the first box's centre
    assert (right, bottom) == (-3.5 + 24 * 6, -3.5 + 19 * 6)


def test_curves_are_those_of_the_evaluation(tmp_path: Path, drawn: list[Figure]) -> None:
    evaluation = evaluate([PICKS], [TRUTH], 6)
    draw_curves(tmp_path / "curves.png", evaluation, 0.55)
    left, right = drawn[0].axes
    np.testing.assert_array_equal(left.lines[0].get_xdata(), evaluation.recalls)
    np.testing.assert_array_equal(left.lines[0].get_ydata(), evaluation.precisions)
    np.testing.assert_array_equal(right.lines[0].get_xdata(), evaluation.thresholds)
    np.testing.assert_array_equal(right.lines[0].get_ydata(), evaluation.f2s)
    labels = right.get_legend_handles_labels()[1]
    assert any("set by training: 0.550" in label for label in labels)
    assert f"matched within {evaluation.radius_px:g} px" in left.get_title()


def test_curves_of_picks_without_scores_are_drawn_without_a_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_curves(tmp_path / "a.png", evaluate([Picks(TRUTH)], [TRUTH], 6))
        draw_curves(tmp_path / "b.png", evaluate([Picks(np.empty((0, 2)))], [TRUTH], 6), 0.5)


@pytest.mark.parametrize("name", ["curves", "curves.txt", "curves.csv", ".png"])
def test_names_that_are_no_pictures_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"ends in \.png, \.pdf, \.svg"):
        draw_sample(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", figures.PICTURES)
def test_every_kind_of_picture_can_be_drawn(tmp_path: Path, suffix: str) -> None:
    with saved_figure(tmp_path / f"a{suffix}", 2, 2) as figure:
        figure.subplots()
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]
    assert (tmp_path / f"a{suffix}").stat().st_size > 500
