"""The whole line on one folder: train on some micrographs, pick the others, show how good it is."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from napari_deepem.batch.evaluation import as_json_values
from napari_deepem.batch.figures import draw_curves, draw_picks
from napari_deepem.batch.picking import write_picks, write_score_map
from napari_deepem.batch.training import LabelledMicrographs, train_on_files
from napari_deepem.core.errors import InputError
from napari_deepem.core.metrics import MATCH_RADIUS_BOXES, Evaluation, evaluate
from napari_deepem.core.model import Model
from napari_deepem.core.picking import find_candidates, select_picks
from napari_deepem.core.scoring import score
from napari_deepem.core.settings import TrainingSettings
from napari_deepem.core.simulation import SAMPLE_BOX_PX, simulate_sample
from napari_deepem.core.training import EpochDone
from napari_deepem.core.types import FloatArray, Micrograph, Picks, ScoreMap
from napari_deepem.io.atomic import replacing, writable_folder
from napari_deepem.io.coordinates import read_coordinate_set, write_coordinates
from napari_deepem.io.micrographs import (
    find_micrographs,
    micrograph_name,
    read_micrograph,
    write_mrc,
)
from napari_deepem.io.models import save_model

HELD_OUT_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Step:
    """Progress of a demonstration: what it does next."""

    text: str


@dataclass(frozen=True, eq=False, slots=True)
class DemoResult:
    """What a demonstration found and wrote."""

    model: Model
    model_path: Path
    held_out: list[Path]  # the micrographs that were picked
    picks: list[Picks]  # of each
    truth_yx: list[FloatArray]  # of each
    at_threshold: Evaluation  # of the picks
    ranking: Evaluation  # of all candidates, whatever their score
    train_seconds: float
    score_seconds: float  # per micrograph
    folder: Path


DemoProgress = Step | LabelledMicrographs | EpochDone


def write_sample(folder: Path) -> Generator[DemoProgress, None, None]:
    """Simulate the embedded sample into a folder: one MRC and one CSV of labels a micrograph."""
    yield Step("Simulating six micrographs of a KLH-like particle")
    for simulated in simulate_sample():
        micrograph = simulated.micrograph
        write_mrc(folder / f"{micrograph.name}.mrc", micrograph.image, micrograph.pixel_size)
        write_coordinates(folder / f"{micrograph.name}.csv", Picks(simulated.truth_yx))


def run_demo(
    folder: Path, data: Path | None = None, box_size_px: int | None = None, seed: int = 0
) -> Generator[DemoProgress, None, DemoResult]:
    """Train on two thirds of the micrographs of a folder, pick the rest, and write it all.

    Parameters
    ----------
    folder : Path
        Where everything is written.
    data : Path, optional
        A folder with micrographs and their coordinates; the embedded sample by default.
    box_size_px : int, optional
        Particle box, original pixels; must be given together with `data`.
    seed : int

    Raises
    ------
    InputError
        If the folders or what is in them can't be used.
    """
    if (data is None) != (box_size_px is None):
        raise InputError("--data and --box go together: give both, or none for the sample")
    writable_folder(folder)
    if data is None or box_size_px is None:
        data, box_size_px = folder / "micrographs", SAMPLE_BOX_PX
        yield from write_sample(data)
    settings = TrainingSettings(box_size_px, seed=seed)
    training, held_out = split(data)
    yield Step(f"Training on {len(training)} micrographs")
    started = perf_counter()
    model = yield from train_on_files(training, data, settings)
    train_seconds = perf_counter() - started
    model_path = save_model(model, folder / "model.safetensors")
    yield Step(f"Picking the {len(held_out)} micrographs that training has not seen")
    return _pick_and_judge(folder, data, held_out, model, model_path, train_seconds)


def split(data: Path) -> tuple[list[Path], list[Path]]:
    """Two thirds of a folder's labelled micrographs to train on, and the last third to pick."""
    paths = find_micrographs([data])
    known = read_coordinate_set(data, [micrograph_name(path) for path in paths])
    labelled = [path for path in paths if micrograph_name(path) in known]
    count = max(1, round(len(labelled) * HELD_OUT_SHARE))
    if len(labelled) <= count:
        raise InputError(
            f"{data} has {len(labelled)} micrograph with coordinates: give at least two, "
            "one to train on and one to pick"
        )
    return labelled[:-count], labelled[-count:]


def _pick_and_judge(
    folder: Path,
    data: Path,
    held_out: list[Path],
    model: Model,
    model_path: Path,
    train_seconds: float,
) -> DemoResult:
    micrographs = [read_micrograph(path) for path in held_out]
    known = read_coordinate_set(data, [micrograph.name for micrograph in micrographs])
    truth_yx = [known[micrograph.name].centres_yx for micrograph in micrographs]
    started = perf_counter()
    score_maps = [score(micrograph, model) for micrograph in micrographs]
    score_seconds = (perf_counter() - started) / len(micrographs)
    candidates = [find_candidates(score_map) for score_map in score_maps]
    picks = [
        select_picks(found, threshold=model.threshold, std_range=model.std_range)
        for found in candidates
    ]
    everything = [select_picks(found, threshold=0.0) for found in candidates]
    radius_px = MATCH_RADIUS_BOXES * model.box_size_px
    result = DemoResult(
        model=model,
        model_path=model_path,
        held_out=held_out,
        picks=picks,
        truth_yx=truth_yx,
        at_threshold=evaluate(picks, truth_yx, radius_px),
        ranking=evaluate(everything, truth_yx, radius_px),
        train_seconds=train_seconds,
        score_seconds=score_seconds,
        folder=folder,
    )
    _write(result, micrographs, score_maps)
    return result


def _write(result: DemoResult, micrographs: list[Micrograph], score_maps: list[ScoreMap]) -> None:
    folder, radius_px = result.folder, result.ranking.radius_px
    for micrograph, picks in zip(micrographs, result.picks, strict=True):
        write_picks(folder, micrograph, picks, ("box", "star"))
    write_score_map(folder, micrographs[0], score_maps[0])
    draw_picks(
        folder / "picks.png",
        micrographs[:2],
        result.picks[:2],
        score_maps[:2],
        result.truth_yx[:2],
        radius_px,
    )
    draw_curves(folder / "curves.png", result.ranking, result.model.threshold)
    with replacing(folder / "results.json") as temporary:
        temporary.write_text(json.dumps(figures_of(result), indent=1) + "\n")


def figures_of(result: DemoResult) -> dict[str, float | int | str | None]:
    """The small table: what was found, on which micrographs and how fast."""
    chosen = as_json_values(result.at_threshold)
    return {
        "micrographs picked": ", ".join(micrograph_name(path) for path in result.held_out),
        "matching radius (px)": result.ranking.radius_px,
        "average precision": round(result.ranking.ap, 4),
        "F2 threshold (held-out labels)": round(result.model.threshold, 4),
        "precision": round(chosen["precision"], 4),
        "recall": round(chosen["recall"], 4),
        "F1": round(chosen["f1"], 4),
        "picks": chosen["n_picks"],
        "labels": chosen["n_truth"],
        "seconds to train": round(result.train_seconds, 1),
        "seconds to score a micrograph": round(result.score_seconds, 2),
    }
