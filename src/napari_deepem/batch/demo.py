"""The demonstration, all on one folder: some micrographs are trained on, the others picked."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from napari_deepem.batch.evaluate import as_json_values
from napari_deepem.batch.picker import Picker
from napari_deepem.batch.run_folder import RunFolder
from napari_deepem.batch.scorer import Scorer
from napari_deepem.batch.train import LabelledFiles, train_on_files
from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.metrics import Evaluation, evaluate
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import PrecisionEstimate, judge
from napari_deepem.core.picking.score_evidence import PrecisionEvidence, sum_of
from napari_deepem.core.picking.suppression import once
from napari_deepem.core.simulation import SAMPLE_BOX_PX, simulate_sample
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.starts import Start
from napari_deepem.core.types import FloatArray, Picks, ScoreMap
from napari_deepem.io.atomic import check_writable, replacing
from napari_deepem.io.coordinates import read_coordinate_set, write_coordinates
from napari_deepem.io.images import (
    find_micrographs,
    micrograph_name,
    read_micrograph,
    write_image,
)
from napari_deepem.io.models import save_model
from napari_deepem.io.pick_records import PickRecord

HELD_OUT_SHARE = 1 / 3
FIGURE_MICROGRAPHS = 2  # so many are drawn
FORMATS = ("box", "star")


@dataclass(frozen=True, slots=True)
class Step:
    """Progress of a demonstration: what it does next."""

    text: str


@dataclass(frozen=True, eq=False, slots=True)
class DemoMicrograph:
    """A micrograph of the demonstration that training has not seen, and its picks."""

    path: Path
    truth_yx: FloatArray  # (n, 2) labels
    ranking: Picks  # whatever their scores
    picks: Picks  # at the model's threshold
    evidence: PrecisionEvidence | None  # of how many of these are particles, without the labels
    record: PickRecord
    score_map: ScoreMap
    score_seconds: float

    @property
    def name(self) -> str:
        """The micrograph's name."""
        return micrograph_name(self.path)


@dataclass(frozen=True, eq=False, slots=True)
class DemoResult:
    """The result of a demonstration: what it found and wrote."""

    folder: Path
    model: Model
    model_path: Path
    picked: list[DemoMicrograph]
    of_picks: Evaluation  # at the model's threshold
    of_rankings: Evaluation  # whatever the scores
    train_seconds: float

    @property
    def estimated_precision(self) -> PrecisionEstimate:
        """The precision of the picks as estimated without the truth, or why it is withheld."""
        return judge(sum_of(one.evidence for one in self.picked))


DemoProgress = Step | LabelledFiles | EpochDone


def write_sample(folder: Path) -> Generator[DemoProgress, None, None]:
    """A stream that writes the embedded sample: for each micrograph an MRC and a CSV of labels."""
    yield Step("Simulating six micrographs of a KLH-like particle")
    for simulated in simulate_sample():
        micrograph = simulated.micrograph
        write_image(folder / f"{micrograph.name}.mrc", micrograph.image, micrograph.pixel_size)
        write_coordinates(folder / f"{micrograph.name}.csv", Picks(simulated.truth_yx))


def run_demo(
    folder: Path,
    data: Path | None = None,
    box_size_px: int | None = None,
    seed: int = 0,
    start: Start | None = None,
) -> Generator[DemoProgress, None, DemoResult]:
    """A stream of progress that returns the result: two thirds are trained on, the rest picked.

    Everything is written into a folder.

    Parameters
    ----------
    folder : Path
        Where everything is written.
    data : Path, optional
        A folder with micrographs and their coordinates; the embedded sample by default.
    box_size_px : int, optional
        Particle box, original pixels; must be given together with `data`.
    seed : int
    start : "general", "chance" or Model, optional
        As in `core.training.train`.

    Raises
    ------
    InputError
        If the folders or what is in them can't be used.
    """
    if (data is None) != (box_size_px is None):
        raise InputError("--data and --box go together: give both, or none for the sample")
    check_writable(folder)
    if data is not None and data.resolve() == folder.resolve():
        raise InputError(f"{folder} holds the data: choose another folder with --out")
    if data is None or box_size_px is None:
        data, box_size_px = folder / "micrographs", SAMPLE_BOX_PX
        yield from write_sample(data)
    settings = TrainingSettings(box_size_px, seed=seed, start=start)
    training, held_out = split(data)
    names = [micrograph_name(path) for path in held_out]
    output = RunFolder(folder, FORMATS, with_scores=True)
    output.claim(names)
    yield Step(f"Training on {len(training)} micrographs")
    started = perf_counter()
    model = yield from train_on_files(training, data, settings)
    train_seconds = perf_counter() - started
    model_path = save_model(model, folder / "model.safetensors")
    picker = Picker(Scorer(model), PickCriteria.of_model(model), output, overwrites=True)
    picked = yield from _pick_held_out(held_out, data, picker)
    truth_yx = [one.truth_yx for one in picked]
    radius_px = SAME_PARTICLE_BOXES * box_size_px
    result = DemoResult(
        folder=folder,
        model=model,
        model_path=model_path,
        picked=picked,
        of_picks=evaluate([one.picks for one in picked], truth_yx, radius_px),
        of_rankings=evaluate([one.ranking for one in picked], truth_yx, radius_px),
        train_seconds=train_seconds,
    )
    _write(result, output)
    return result


def split(data: Path) -> tuple[list[Path], list[Path]]:
    """Two thirds of a folder's labelled micrographs to train on, and the last third to pick."""
    paths = find_micrographs([data])
    particles = read_coordinate_set(data, [micrograph_name(path) for path in paths])
    labelled = [path for path in paths if micrograph_name(path) in particles]
    count = max(1, round(len(labelled) * HELD_OUT_SHARE))
    if len(labelled) <= count:
        raise InputError(
            f"{data} has {len(labelled)} micrograph with coordinates: give at least two, "
            "one to train on and one to pick"
        )
    return labelled[:-count], labelled[-count:]


def _pick_held_out(
    paths: list[Path], data: Path, picker: Picker
) -> Generator[Step, None, list[DemoMicrograph]]:
    particles = read_coordinate_set(data, [micrograph_name(path) for path in paths])
    picked = []
    for path in paths:
        yield Step(f"Picking {micrograph_name(path)}")
        started = perf_counter()
        record, ranking, score_map = picker.record_of(path, picker.source_of(path))
        seconds = perf_counter() - started
        candidates = record.candidates
        assert candidates is not None
        assert score_map is not None
        picked.append(
            DemoMicrograph(
                path=path,
                truth_yx=once(particles[micrograph_name(path)].centres_yx, candidates.box_size_px),
                ranking=PickCriteria(threshold=0.0).picks_of(candidates),
                picks=picker.criteria.picks_of(candidates),
                evidence=picker.evidence_of(record, ranking),
                record=record,
                score_map=score_map,
                score_seconds=seconds,
            )
        )
    return picked


def _write(result: DemoResult, output: RunFolder) -> None:
    from napari_deepem.batch.figures import draw_curves, draw_picks  # loads matplotlib

    folder, radius_px = result.folder, result.of_rankings.radius_px
    for index, picked in enumerate(result.picked):
        score_map = picked.score_map if index == 0 else None  # one to look at
        written = output.picks_of(picked.name, picked.record)
        assert written is not None
        output.write(written, picked.record, score_map)
    shown = result.picked[:FIGURE_MICROGRAPHS]
    micrographs = [read_micrograph(picked.path) for picked in shown]
    draw_picks(
        folder / "picks.png",
        micrographs,
        [picked.picks for picked in shown],
        [picked.score_map for picked in shown],
        [picked.truth_yx for picked in shown],
        radius_px,
    )
    draw_curves(folder / "curves.png", result.of_rankings, result.model.threshold)
    with replacing(folder / "results.json") as temporary:
        temporary.write_text(json.dumps(figures_of(result), indent=1) + "\n")


def figures_of(result: DemoResult) -> dict[str, float | int | str | None]:
    """The small table of a demonstration: its figures, on which micrographs and how fast."""
    chosen, estimate = as_json_values(result.of_picks), result.estimated_precision
    return {
        "micrographs picked": ", ".join(picked.name for picked in result.picked),
        "matching radius (px)": result.of_rankings.radius_px,
        "average precision": round(result.of_rankings.ap, 4),
        "F2 threshold (held-out labels)": round(result.model.threshold, 4),
        "precision": round(chosen["precision"], 4),
        "precision estimated without labels": str(estimate),
        "recall": round(chosen["recall"], 4),
        "F1": round(chosen["f1"], 4),
        "picks": chosen["n_picks"],
        "labels": chosen["n_truth"],
        "seconds to train": round(result.train_seconds, 1),
        "seconds to score a micrograph": round(
            sum(picked.score_seconds for picked in result.picked) / len(result.picked), 2
        ),
    }
