"""Pick in files: micrographs and a model in, one coordinate file a micrograph and format out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from napari_deepem.batch.prefetch import read_ahead
from napari_deepem.batch.run_folder import PickFolder
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.devices import DeviceName, chosen_device
from napari_deepem.core.network.model import Model, pixel_size_remark
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.pick import pick_micrograph
from napari_deepem.core.types import Micrograph, Picks, ScoreMap
from napari_deepem.io.coordinates import WRITABLE
from napari_deepem.io.images import micrograph_name, write_image


@dataclass(frozen=True, slots=True)
class PickSettings:
    """What is picked, how it is scored, and what is written."""

    criteria: PickCriteria
    formats: tuple[str, ...] = ("box", "star")
    score_maps: bool = False  # write each score map as an MRC file too
    step_px: int | None = None  # between neighbouring boxes; None: an eighth of the box, or less
    device: DeviceName = "auto"  # what scores


@dataclass(frozen=True, eq=False, slots=True)
class MicrographDone:
    """Progress of picking: one micrograph is over, with its picks or what was wrong with it."""

    name: str
    seconds: float
    picks: Picks | None = None
    written: tuple[Path, ...] = ()
    remark: str | None = None  # one line: why there are no picks, or what looks odd
    expected_hits: float | None = None  # how many picks are particles; None if nothing tells


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Names of formats without dots; InputError for one that can't be written."""
    wanted = tuple(name.strip().lower().lstrip(".") for name in formats if name.strip())
    writable = [suffix.lstrip(".") for suffix in WRITABLE]
    for name in wanted:
        if name not in writable:
            raise InputError(f"no format is called {name!r}: choose from {', '.join(writable)}")
    if not wanted:
        raise InputError(f"no format given: choose from {', '.join(writable)}")
    return wanted


def pick_files(
    paths: Sequence[Path], model: Model, folder: Path, settings: PickSettings
) -> Generator[MicrographDone, None, None]:
    """Pick every micrograph and write `folder/<name>.<format>`; yields a `MicrographDone` each.

    A micrograph that can't be used is reported in its `MicrographDone` and the others go on. One
    without picks gets empty coordinate files, so that it counts as done. The next one is read
    while one is scored.

    Raises
    ------
    InputError
        If the folder can't be written into, or holds coordinates that a user made; for a step
        that is no multiple of the model's binning, or a device that is not there.
    """
    chosen_device(settings.device)
    if settings.step_px is not None:
        model.sampling.steps(settings.step_px)
    names = [micrograph_name(path) for path in paths]
    output = PickFolder.claim(folder, names, settings.formats)
    for path, micrograph_of in read_ahead(paths):
        yield _pick_file(micrograph_name(path), micrograph_of, model, output, settings)


def _pick_file(
    name: str,
    micrograph_of: Callable[[], Micrograph],
    model: Model,
    output: PickFolder,
    settings: PickSettings,
) -> MicrographDone:
    started = perf_counter()
    try:
        micrograph = micrograph_of()
        picked = pick_micrograph(
            micrograph, model, settings.criteria, step_px=settings.step_px, device=settings.device
        )
    except InputError as error:
        return MicrographDone(name, perf_counter() - started, remark=str(error))
    written = output.write(name, picked.picks)
    if settings.score_maps:
        written.append(write_score_map(output.folder, micrograph, picked.score_map))
    remark = pixel_size_remark(micrograph, model)
    seconds = perf_counter() - started
    return MicrographDone(name, seconds, picked.picks, tuple(written), remark, picked.expected_hits)


def write_score_map(folder: Path, micrograph: Micrograph, score_map: ScoreMap) -> Path:
    """Write scores as `folder/<micrograph>_scores.mrc`, its pixel size that of the grid."""
    path = folder / f"{micrograph.name}_scores.mrc"
    pixel_size = micrograph.pixel_size and micrograph.pixel_size * score_map.step_px
    write_image(path, score_map.scores, pixel_size)
    return path
