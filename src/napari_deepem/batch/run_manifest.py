"""What a run was asked to do: kept in its folder, with the model, for windows and reports."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, TypeAdapter

from napari_deepem import __version__
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.io.atomic import replacing
from napari_deepem.io.declared_json import STRICT, read_declared_file
from napari_deepem.io.models import load_model, model_bytes, save_model
from napari_deepem.io.pick_records import Criteria, Text
from napari_deepem.io.run_places import is_run, manifest_path, model_path

if TYPE_CHECKING:  # it brings torch, which who reads a run may do without
    from napari_deepem.batch.picker import Picker


class Manifest(BaseModel):
    """What the last run in a folder was asked to do; any number of runs may write the same."""

    model_config = STRICT

    program: Text
    command: Text  # as it was typed; empty where a program asked
    scorer: Text  # what scores: a model, at a step
    criteria: Criteria
    formats: Annotated[tuple[Text, ...], Field(max_length=100)]


_SHAPE = TypeAdapter(Manifest)


@dataclass(frozen=True, eq=False, slots=True)
class KnownRun:
    """A run as its folder knows it."""

    folder: Path
    manifest: Manifest
    model: Model

    @property
    def criteria(self) -> PickCriteria:
        """What was picked by."""
        return PickCriteria.of_values(self.manifest.criteria.model_dump())


def write_manifest(picker: Picker) -> None:
    """Keep in a run's folder what a picker is to do, and its model, before anything is picked.

    Raises
    ------
    InputError
        It can't be written there.
    """
    folder = picker.output.folder
    manifest = Manifest(
        program=f"napari-deepem {__version__}",
        command=command_line(),
        scorer=picker.scorer.key,
        criteria=Criteria(**picker.criteria.values),
        formats=picker.output.formats,
    )
    model, file = picker.scorer.model, model_path(folder)
    # one that scores the same may have learnt something else, of thresholds, say
    if not file.is_file() or file.read_bytes() != model_bytes(model, file.parent):
        save_model(model, file)
    if manifest != _manifest_of(folder):
        with replacing(manifest_path(folder)) as temporary:
            temporary.write_text(json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n")


def read_run(folder: Path) -> KnownRun:
    """The run of a folder.

    Raises
    ------
    InputError
        No run has picked into the folder, or its manifest or model is damaged.
    """
    return KnownRun(folder, read_manifest(folder), load_model(model_path(folder)))


def read_manifest(folder: Path) -> Manifest:
    """What the run of a folder was asked to do; raises as `read_run`."""
    manifest = _manifest_of(folder)
    if manifest is None:
        raise InputError(f"{folder}: no folder that was picked into; name the --out of a pick")
    return manifest


def command_line() -> str:
    """What was typed, if that is how we were started."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    return " ".join(["napari-deepem", *sys.argv[1:]])[:10_000] if "napari-deepem" in name else ""


def _manifest_of(folder: Path) -> Manifest | None:
    if not is_run(folder):
        return None
    try:
        return read_declared_file(_SHAPE, manifest_path(folder), "{reason}")
    except InputError:
        return None
