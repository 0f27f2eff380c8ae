"""The folder of a run that picks, as a series: its micrographs, and what is on record of each."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_deepem.batch.run_manifest import Manifest, read_manifest
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates
from napari_deepem.core.wording import counted
from napari_deepem.io.file_stamps import content_stamp_of, stamp_of
from napari_deepem.io.images import natural_order, read_pixel_size
from napari_deepem.io.pick_records import Criteria, Described, read_description, recorded_names
from napari_deepem.io.run_places import model_path
from napari_deepem.io.session_file import Stored
from napari_deepem.session.moved_files import find_moved
from napari_deepem.session.parameters import OF_PICKING
from napari_deepem.session.scored import RecordedCandidates

ANY_STD = (0.0, 1000.0)  # where a run has picked whatever its standard deviation
A_STEP = 50  # records


@dataclass(frozen=True, eq=False, slots=True)
class RunSeries:
    """A run's folder, read: what lies below the session that is kept of it."""

    key: str  # tells by what was picked; empty where the user has gone on with another model
    files: Mapping[str, Path]  # of the micrographs, by name, as far as is known where they lie now
    stored: Stored  # the run's model, criteria and candidates, as a session has them
    failures: Mapping[str, str]  # by name, why there are no picks
    headers: Mapping[str, Any]  # ((height, width), A/px or None) by name
    remark: str = ""  # on micrographs that are not there

    def goes_on_with(self, kept: Stored) -> Stored:
        """What was kept of the folder, without what belongs to another run in it.

        A model of the user's own stays, with all that belongs to it.
        """
        if kept.model is not None or kept.settings.get("run") == self.key:
            return kept
        settings = {name: value for name, value in kept.settings.items() if name not in OF_PICKING}
        return replace(kept, settings=settings, candidates=dict.fromkeys(kept.candidates))


def reading_run(folder: Path) -> Generator[None, None, RunSeries]:
    """The job that reads what a run has on record, but the candidates.

    Raises
    ------
    InputError
        The manifest or model is gone or damaged, or nothing is on record yet.
    """
    manifest = read_manifest(folder)
    described: dict[str, Described] = {}
    for number, name in enumerate(sorted(recorded_names(folder), key=natural_order)):
        each = read_description(folder, name)
        described |= {} if each is None else {name: each}
        if number % A_STEP == 0:
            yield
    if not described:
        raise InputError(f"{folder}: no micrograph is picked yet; open it later")
    recorded = {name: Path(each.path) for name, each in described.items()}
    files, missing = find_moved(recorded, folder)
    candidates: dict[str, Candidates | None] = {}
    failures: dict[str, str] = {}
    for number, name in enumerate(described):
        if number % A_STEP == 0:
            yield
        if why_not := _why_no_picks(described[name], files[name], manifest):
            failures[name] = why_not
        else:
            candidates[name] = RecordedCandidates(folder, name, described[name])
    picked = {files[name]: each for name, each in described.items() if name in candidates}
    settings = _settings(manifest.criteria, picked)
    return RunSeries(
        f"{manifest.scorer} {manifest.criteria.model_dump_json()}",
        files,
        Stored(settings, candidates=candidates, model=_model_of(folder)),
        failures,
        {name: (e.shape, e.pixel_size) for name, e in described.items() if e.shape is not None},
        _remark(folder, recorded, missing),
    )


def _why_no_picks(described: Described, path: Path, manifest: Manifest) -> str:
    """Why a micrograph has no picks that are of use; empty if it has."""
    if described.state == "failed" or described.box_size_px is None:
        return described.remark or "it could not be picked"
    if described.scorer != manifest.scorer:
        return "the run has another model by now and has not come to this micrograph: score it here"
    stamp, old = stamp_of(path), described.stamp
    if stamp is None or old is None or stamp == old[:2]:
        return ""
    content = content_stamp_of(path)  # a copy has another time
    is_same = content is not None and (content[0], content[2]) == (old[0], old[2])
    return "" if is_same else f"{path.name} has changed since it was picked: score it here"


def _settings(criteria: Criteria, picked: Mapping[Path, Described]) -> dict[str, Any]:
    """The settings of a session that are the run's; `picked` is by the file as it lies now."""
    settings: dict[str, Any] = {
        "threshold": criteria.threshold,
        "adaptive_threshold": criteria.mixture is not None,
        "std_range": list(criteria.std_range or ANY_STD),
        "min_distance_px": criteria.min_distance_px,
    }
    for path, described in picked.items():
        settings["box_size_px"] = described.box_size_px
        with suppress(InputError):  # it is not there
            if read_pixel_size(path) != described.pixel_size:  # somebody has given that
                settings["given_pixel_size"] = described.pixel_size
            break
    return settings


def _model_of(folder: Path) -> bytes:
    path = model_path(folder)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the run's model cannot be read: {error.strerror}") from error


def _remark(folder: Path, recorded: Mapping[str, Path], missing: list[str]) -> str:
    if not missing:
        return ""
    place = recorded[missing[0]].parent
    are = "is" if len(missing) == 1 else "are"
    return (
        f"{counted(len(missing), 'micrograph')} of this run {are} neither in {place} nor near "
        f"{folder}: put their folder beside it to see them"
    )
