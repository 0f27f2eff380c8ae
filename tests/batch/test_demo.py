from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.batch import demo
from napari_deepem.batch.demo import DemoProgress, DemoResult, Step, figures_of, run_demo, split
from napari_deepem.batch.evaluate import evaluate_files
from napari_deepem.batch.pick import PickSettings, pick_files
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import EpochDone, finish
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import evidence_of, judge
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.simulation import (
    SAMPLE_BOX_PX,
    SAMPLE_PIXEL_SIZE,
    Projector,
    SimulatedMicrograph,
    klh_volume,
    sample_conditions,
    simulate_micrograph,
)
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import read_coordinates, write_coordinates
from napari_deepem.io.images import read_micrograph, write_image
from napari_deepem.io.models import load_model
from napari_deepem.io.pick_records import RUN
from quick_recipes import shorten_recipes


def small_sample() -> list[SimulatedMicrograph]:
    """Three simulated micrographs of 420 x 480 px instead of six of 1024 x 1024."""
    projector = Projector(klh_volume(SAMPLE_PIXEL_SIZE))
    conditions = sample_conditions((420, 480))
    return [
        simulate_micrograph(projector, conditions, np.random.default_rng(seed), f"klh_{seed}")
        for seed in (1, 2, 3)
    ]


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[DemoResult, list[DemoProgress]]]:
    """A demonstration on the small sample, and its progress."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "simulate_sample", small_sample)
        shorten_recipes(patch, batches_per_epoch=8, batch_size=32, epochs=2)
        progress: list[DemoProgress] = []
        yield finish(run_demo(folder), progress.append), progress


def test_demonstration_writes_all_that_it_promises(
    finished: tuple[DemoResult, list[DemoProgress]],
) -> None:
    result, _ = finished
    assert [picked.name for picked in result.picked] == ["klh_3"]
    names = {path.name for path in result.folder.iterdir()} - {RUN}
    assert names == {
        *("micrographs", "model.safetensors", "klh_3.box", "klh_3.star"),
        *("klh_3_scores.mrc", "picks.png", "curves.png", "results.json"),
    }
    for picture in ("picks.png", "curves.png"):
        assert (result.folder / picture).read_bytes().startswith(b"\x89PNG")
    sample = {path.name for path in (result.folder / "micrographs").iterdir()}
    assert sample == {f"klh_{i}.{suffix}" for i in (1, 2, 3) for suffix in ("mrc", "csv")}


def test_demonstration_trains_on_what_it_does_not_pick(
    finished: tuple[DemoResult, list[DemoProgress]],
) -> None:
    result, _ = finished
    model = load_model(result.model_path)
    assert model.box_size_px == SAMPLE_BOX_PX
    assert model.pixel_size == pytest.approx(SAMPLE_PIXEL_SIZE)
    parts = [*model.summary["trained_on"], *model.summary["held_out"]]
    assert {part["micrograph"] for part in parts} == {"klh_1", "klh_2"}
    assert len(model.summary["held_out"]) == 1  # the threshold is set on labels it has not seen
    assert model.threshold == result.model.threshold


def test_demonstration_shows_its_progress_all_along(
    finished: tuple[DemoResult, list[DemoProgress]],
) -> None:
    _, progress = finished
    steps = [news.text for news in progress if isinstance(news, Step)]
    assert len(steps) == 3
    assert "Simulating" in steps[0]
    assert "Training on 2 micrographs" in steps[1]
    assert "Picking klh_3" in steps[2]
    assert [news.epoch for news in progress if isinstance(news, EpochDone)] == [1, 2]


def test_written_picks_are_those_that_were_evaluated(
    finished: tuple[DemoResult, list[DemoProgress]],
) -> None:
    result, _ = finished
    for suffix in (".box", ".star"):
        found = read_coordinates(result.folder / f"klh_3{suffix}")
        np.testing.assert_allclose(found.centres_yx, result.picked[0].picks.centres_yx, atol=0.5)
    score_map = read_micrograph(result.folder / "klh_3_scores.mrc")
    assert score_map.pixel_size is not None
    assert score_map.pixel_size > SAMPLE_PIXEL_SIZE


def test_numbers_agree_with_picking_and_evaluating_files(
    finished: tuple[DemoResult, list[DemoProgress]], tmp_path: Path
) -> None:
    result, _ = finished
    settings = PickSettings(PickCriteria.of_model(result.model), formats=("csv",))
    truth = result.folder / "micrographs"
    chosen, every = tmp_path / "chosen", tmp_path / "every"
    paths = [picked.path for picked in result.picked]
    list(pick_files(paths, result.model, chosen, settings))
    unselected = replace(settings, criteria=PickCriteria(threshold=0.0))
    list(pick_files(paths, result.model, every, unselected))
    figures = json.loads((result.folder / "results.json").read_text())
    assert figures == figures_of(result)

    ranking = evaluate_files(every, truth, SAMPLE_BOX_PX).evaluation
    assert figures["average precision"] == pytest.approx(ranking.ap, abs=1e-4)
    assert ranking.n_picks > 0
    assert figures["labels"] == ranking.n_truth > 0
    assert figures["matching radius (px)"] == SAMPLE_BOX_PX / 4
    picked = evaluate_files(chosen, truth, SAMPLE_BOX_PX).evaluation
    assert figures["picks"] == picked.n_picks
    assert figures["precision"] == pytest.approx(picked.precision, abs=1e-4)
    assert figures["recall"] == pytest.approx(picked.recall, abs=1e-4)
    assert figures["F1"] == pytest.approx(picked.f1, abs=1e-4)

    found = find_candidates(score(read_micrograph(paths[0]), result.model))
    criteria = PickCriteria.of_model(result.model)
    estimate = judge(evidence_of(found, result.model, criteria))
    assert figures["precision estimated without labels"] == str(estimate)


def write_blobs(folder: Path, *seeds: int) -> Path:
    for seed in seeds:
        micrograph, centres = blob_micrograph(seed)
        write_image(folder / f"{micrograph.name}.mrc", micrograph.image, 2.0)
        write_coordinates(folder / f"{micrograph.name}.csv", Picks(centres))
    return folder


@pytest.mark.parametrize(("count", "held_out"), [(2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (9, 3)])
def test_last_third_of_a_folder_is_held_out(tmp_path: Path, count: int, held_out: int) -> None:
    folder = write_blobs(tmp_path, *range(1, count + 1))
    training, others = split(folder)
    assert [path.stem for path in [*training, *others]] == [f"blobs_{i + 1}" for i in range(count)]
    assert len(others) == held_out


def test_micrographs_without_coordinates_are_passed_over(tmp_path: Path) -> None:
    folder = write_blobs(tmp_path, 1, 2, 3)
    (folder / "blobs_2.csv").unlink()
    training, others = split(folder)
    assert [path.stem for path in training] == ["blobs_1"]
    assert [path.stem for path in others] == ["blobs_3"]


def test_demonstration_needs_two_labelled_micrographs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give at least two"):
        split(write_blobs(tmp_path, 1))


@pytest.mark.parametrize(("data", "box"), [(Path(), None), (None, BOX_PX)])
def test_data_and_box_go_together(tmp_path: Path, data: Path | None, box: int | None) -> None:
    with pytest.raises(InputError, match="--data and --box go together"):
        finish(run_demo(tmp_path / "out", data, box))
    assert not (tmp_path / "out").exists()
