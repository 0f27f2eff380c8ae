"""The command line: each command is one call of the batch room, with its progress shown.

Exit code 0, or 2 for wrong input with one line on standard error that says what to do.
Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter, Token
from rich.console import Console

from napari_deepem import __version__
from napari_deepem.core.errors import InputError

WRONG_INPUT = 2
QT_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
app = App(
    name="napari-deepem",
    help="Pick particles in cryo-EM micrographs, without a window.",
    version=__version__,
    default_parameter=Parameter(negative=()),
)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Micrographs = Annotated[
    list[str], Parameter(help="MRC files, folders or patterns.", consume_multiple=True)
]


def _whole_number(kind: object, tokens: Sequence[Token]) -> int | str:
    """Read a whole number, or "auto"; cyclopts itself would round 24.5 to 24 without a word."""
    text = tokens[0].value
    if text == "auto" and kind is not int:
        return text
    try:
        return int(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a whole number or auto"
        raise ValueError(f'"{text}" is not {wanted}') from None


def _score_or_f2(_: object, tokens: Sequence[Token]) -> float | str:
    """Read a score, or "f2"."""
    text = tokens[0].value
    if text.lower() == "f2":
        return "f2"
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'"{text}" is neither a score from 0 to 1 nor f2') from None


Whole = Annotated[int, Parameter(converter=_whole_number)]
WholeOrAuto = Annotated[Literal["auto"] | int, Parameter(converter=_whole_number)]


def main(arguments: list[str] | None = None) -> None:
    """Run a command; the entry point of `napari-deepem`."""
    # Threads of torch that spin while they wait take ten times as long on a machine that is busy.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _fail(f"{' '.join(str(error).split())} (see napari-deepem --help)")
    except InputError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}; check path and rights")
    except KeyboardInterrupt:
        errors.print("stopped; what was written so far is kept", markup=False)
        sys.exit(130)


def _fail(message: str) -> None:
    errors.print(f"napari-deepem: {message}", markup=False)
    sys.exit(WRONG_INPUT)


@app.command
def demo(
    *,
    data: Path | None = None,
    box: Whole | None = None,
    out: Path = Path("demo-output"),
    view: Annotated[bool, Parameter(negative="--no-view")] = True,
) -> None:
    """Train on some micrographs, pick the others and show how good it is.

    Parameters
    ----------
    data
        Folder with micrographs and their coordinate files; simulated micrographs by default.
    box
        Side of the particle box in pixels of the original files; needed with --data.
    out
        Folder for everything that is written.
    view
        Open napari on the result, where there is a display.
    """
    from napari_deepem.batch.demo import run_demo
    from napari_deepem.terminal import follow_demo, print_demo

    result = follow_demo(run_demo(out, data, box), errors)
    print_demo(result, Console())
    if view and _has_display():
        if not any(find_spec(binding) for binding in QT_BINDINGS):
            errors.print('no window: pip install "napari-deepem[all]" brings one', markup=False)
            return
        from napari_deepem.widgets.show import show_results

        show_results([picked.path for picked in result.picked], result.model_path)


@app.command
def train(
    micrographs: Micrographs,
    /,
    *,
    coords: Path,
    box: Whole,
    out: Path,
    bin: WholeOrAuto = "auto",
    recipe: Literal["modern", "deepem2017"] = "modern",
    epochs: Whole | None = None,
    seed: Whole = 0,
    partial_labels: bool = False,
) -> None:
    """Train a network on micrographs with coordinates, and save it as a model.

    Parameters
    ----------
    coords
        Folder with one .box, .star or .csv file a micrograph, matched by name; or one RELION
        star with micrograph names.
    box
        Side of the particle box in pixels of the original files, like the coordinates.
    out
        The model file to write (.safetensors).
    bin
        Binning before training and picking; "auto" keeps the network's box at 40 px or more.
    recipe
        How to train: as one would today, or as the paper of 2017 did.
    epochs
        How long to train; the recipe's own number by default.
    seed
        The same seed gives the same model, on the same machine with as many threads.
    partial_labels
        Only some of the particles of these micrographs have coordinates: picks without a label
        don't count as wrong when the threshold is set.
    """
    from napari_deepem.batch.training import train_on_files
    from napari_deepem.core.settings import TrainingSettings
    from napari_deepem.io.micrographs import find_micrographs
    from napari_deepem.io.models import model_path, save_model
    from napari_deepem.terminal import describe_model, follow_training

    settings = TrainingSettings(box, bin, recipe, epochs, seed, labels_complete=not partial_labels)
    paths = find_micrographs(micrographs)
    out = model_path(out)
    model = follow_training(train_on_files(paths, coords, settings), errors)
    errors.print(describe_model(model, save_model(model, out)), markup=False)


@app.command
def pick(
    micrographs: Micrographs,
    /,
    *,
    model: Path,
    out: Path,
    format: str = "box,star",
    threshold: Annotated[Literal["f2"] | float, Parameter(converter=_score_or_f2)] = "f2",
    std_range: tuple[float, float] | None = None,
    min_distance: float | None = None,
    all_candidates: bool = False,
    score_maps: bool = False,
) -> None:
    """Pick particles with a trained model; writes one coordinate file a micrograph and format.

    Parameters
    ----------
    model
        A model file that `train` wrote.
    out
        Folder for the coordinate files.
    format
        Formats, separated by commas: box (EMAN), star (RELION), csv.
    threshold
        Lowest score that is picked, 0 to 1; "f2": where F2 was best in training.
    std_range
        Lowest and highest standard deviation of a box's pixels, in units of the micrograph's own;
        the range of the labelled particles by default.
    min_distance
        Of picks nearer to each other than this many pixels the best is kept; 0.4 of the box by
        default.
    all_candidates
        Write every local maximum with its score, whatever its score and standard deviation:
        for evaluation. Only --min-distance applies; maxima on the map's border are left out.
    score_maps
        Write the score map of each micrograph too, as NAME_scores.mrc.
    """
    from napari_deepem.batch.picking import PickSettings, check_formats, pick_files
    from napari_deepem.io.micrographs import find_micrographs
    from napari_deepem.io.models import load_model
    from napari_deepem.terminal import follow_picking

    formats = check_formats(format.split(","))
    paths = find_micrographs(micrographs)
    trained = load_model(model)
    settings = replace(
        PickSettings.of_model(trained),
        min_distance_px=None if min_distance is None else _distance(min_distance),
        formats=formats,
        score_maps=score_maps,
    )
    if threshold != "f2":
        settings = replace(settings, threshold=_probability(threshold))
    if std_range is not None:
        settings = replace(settings, std_range=_rising(std_range))
    if all_candidates:
        settings = settings.without_selection()
    failed = follow_picking(pick_files(paths, trained, out, settings), len(paths), errors)
    if failed:
        sys.exit(WRONG_INPUT)


@app.command
def evaluate(
    picks: Path,
    /,
    *,
    truth: Path,
    box: float,
    radius: float | None = None,
    plot: Path | None = None,
) -> None:
    """Compare picks with the truth; prints one line of JSON.

    precision, recall and f1 are those of the picks as they are; ap and f2 judge their ranking by
    score, and the figures at_f2 hold where F2 is best.

    Parameters
    ----------
    picks
        Folder or file of picks.
    truth
        Folder or file of true positions, names of micrographs as in the picks.
    box
        Side of the particle box in pixels.
    radius
        A pick counts if it lies this near to a particle, in pixels; a quarter of the box by
        default.
    plot
        Also draw the curves into this picture (.png, .pdf, .svg).
    """
    import json

    from napari_deepem.batch.evaluation import as_json_values, evaluate_files
    from napari_deepem.batch.figures import draw_curves

    result = evaluate_files(picks, truth, box, radius)
    for names, lacking in ((result.without_truth, "truth"), (result.without_picks, "picks")):
        if names:
            errors.print(f"left out, no {lacking}: {len(names)} ({names[0]}, ...)", markup=False)
    if result.other_name is not None:
        errors.print(f"compared {result.names[0]} with {result.other_name}", markup=False)
    if plot is not None:
        draw_curves(plot, result.evaluation)
        errors.print(f"wrote {plot}", markup=False)
    if result.evaluation.n_picks and result.evaluation.f2_threshold is None:
        errors.print(
            "these picks have no scores, so ap and f2 are those of a single point", markup=False
        )
    print(json.dumps(as_json_values(result.evaluation) | {"n_micrographs": len(result.names)}))


def _probability(threshold: float) -> float:
    if not 0 <= threshold <= 1:
        raise InputError(f"a threshold of {threshold:g}: give a score from 0 to 1, or f2")
    return threshold


def _distance(min_distance: float) -> float:
    if not 0 <= min_distance < float("inf"):
        raise InputError(f"a minimum distance of {min_distance:g}: give pixels, 0 or more")
    return min_distance


def _rising(std_range: tuple[float, float]) -> tuple[float, float]:
    low, high = std_range
    if not 0 <= low < high:
        raise InputError(f"a std range of {low:g} to {high:g}: give a lower and a higher value")
    return low, high


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
