"""The texts in a model file's header, as declared: what this program writes, and what it wrote.

Files of format version 1 differ: the first have no smoothing, and remember no training set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, FailFast, Field, TypeAdapter, model_validator

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Labels
from napari_deepem.io.coordinates.parsing import FARTHEST_PX
from napari_deepem.io.declared_json import STRICT, Share, read_declared
from napari_deepem.io.model_summary import Summary, Text

MOST_LABELS = 500_000  # that a model remembers: reading them takes some 150 MB
MOST_KEYS = 150_000  # of a text: each that is wrong is some 2 kB of a refusal; eight a micrograph
AS_THEY_ARE = (  # in a `Model`
    *("recipe", "box_size_px", "pixel_size", "threshold", "std_range", "smoothing"),
    "min_distance_px",
)
TRAINING_SETS = "training_set", "inherited"  # in a `Model`
ROUNDING_PX = 1.0  # network pixels, between a particle's box and the network's


def _path(text: str) -> str:
    if "\0" in text:
        raise ValueError("is no path of a file")
    return text


def _path_from_here(text: str) -> str:
    if PurePosixPath(text).is_absolute() or PureWindowsPath(text).anchor:
        raise ValueError("is no path from the model's folder")
    return _path(text)


Coordinate = Annotated[float, Field(ge=-FARTHEST_PX, le=FARTHEST_PX)]
Positions = Annotated[list[tuple[Coordinate, Coordinate]], FailFast()]


class Description(BaseModel):
    """The description of a model: all of it but weights and training set.

    `architecture` says itself what it may be, and `binning` is the scale of a `Sampling`.
    """

    model_config = STRICT

    architecture: Architecture
    recipe: Text
    box_size_px: Annotated[int, Field(ge=1)]
    binning: float
    pixel_size: Annotated[float, Field(gt=0)] | None
    threshold: Share
    std_range: tuple[float, float]
    smoothing: Share = 0.0
    min_distance_px: Annotated[float, Field(ge=0, le=FARTHEST_PX)] | None = None
    summary: Summary = Summary()

    @model_validator(mode="after")
    def _as_a_model_can_be(self) -> Description:
        low, high = self.std_range
        if not 0 <= low <= high:
            raise ValueError("std_range does not rise from 0 or more")
        box_px = self.box_size_px / Sampling(self.binning).scale
        if abs(box_px - self.architecture.box_px) > ROUNDING_PX:
            raise ValueError("box_size_px is not that of the network")
        return self

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of a `Model`, but network and training set."""
        return {name: getattr(self, name) for name in AS_THEY_ARE} | {
            "sampling": Sampling(self.binning),
            "summary": self.summary.entries,
        }


class Remembered(BaseModel):
    """A micrograph of a training set, see `LabelledMicrograph`."""

    model_config = STRICT

    name: Text
    complete: bool
    source: Annotated[Text, AfterValidator(_path)] | None  # which only older files tell
    source_from_here: Annotated[Text, AfterValidator(_path_from_here)] | None
    positive_yx: Positions
    negative_yx: Positions
    unsure_yx: Positions


DESCRIPTION = TypeAdapter(Description)
TRAINING_SET = TypeAdapter(Annotated[list[Remembered], FailFast()])


def read_description(header: dict[str, str], refusal: str) -> Description:
    """The description in a file's header; InputError, see `read_declared`, for any other."""
    return read_declared(DESCRIPTION, _of_a_size(header.get("model", ""), refusal), refusal)


def read_training_sets(header: dict[str, str], folder: Path, refusal: str) -> dict[str, Any]:
    """The training set that a model remembers, and what of it is inherited: those of a `Model`.

    Older versions wrote neither, and most models have inherited nothing that is not all.
    Their files are named as seen from `folder`; none is looked for. InputError as above.
    """
    texts = {name: _of_a_size(header[name], refusal) for name in TRAINING_SETS if name in header}
    items = {name: read_declared(TRAINING_SET, text, refusal) for name, text in texts.items()}
    return {name: tuple(_recalled(each, folder) for each in items[name]) for name in items}


def description_of(model: Model, folder: Path) -> dict[str, str]:
    """The texts for the header of a model's file in this folder."""
    description = {
        "architecture": asdict(model.network.architecture),
        "binning": model.sampling.scale,
        "summary": model.summary,
        **{name: getattr(model, name) for name in AS_THEY_ARE},
    }
    training_sets = {name: getattr(model, name) for name in TRAINING_SETS}
    return {"model": _as_text(description)} | {
        name: _as_text(_remembered(items, folder))
        for name, items in training_sets.items()
        if items is not None
    }


def _of_a_size(text: str, refusal: str) -> str:
    """The text, unless it holds so much that reading or refusing it would take long.

    A list costs some 270 bytes while it is read, whatever is in it; a label has one and two commas.
    """
    cost = text.count(",") + 2 * text.count("[") + 2 * text.count("{")
    if cost > 4 * MOST_LABELS or text.count(":") > MOST_KEYS:
        raise InputError(refusal.replace("{reason}", "it lists more than this program writes"))
    return text


def _as_text(values: Any) -> str:
    """JSON in UTF-8, in which parts of file names that are no text are question marks."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="replace").decode()


def _remembered(training_set: Sequence[LabelledMicrograph], folder: Path) -> list[dict[str, Any]]:
    """What a file keeps of a training set; nothing of one that is too large to be read again."""
    kinds = [kind.name for kind in fields(Labels)]
    items = [
        {
            "name": item.name,
            "complete": item.complete,
            "source": None,
            "source_from_here": item.source and _path_from(folder, item.source),
            **{kind: getattr(item.labels, kind).tolist() for kind in kinds},
        }
        for item in training_set
    ]
    n_labels = sum(len(item[kind]) for item in items for kind in kinds)
    can_be_read = n_labels + 10 * len(items) <= MOST_LABELS and 8 * len(items) <= MOST_KEYS
    return items if can_be_read else []


def _path_from(folder: Path, source: Path) -> str:
    """The path of a file as seen from a folder; its name alone where it is on another drive."""
    try:
        return Path(os.path.relpath(source, folder)).as_posix()
    except ValueError:
        return source.name


def _recalled(item: Remembered, folder: Path) -> LabelledMicrograph:
    from_here = item.source_from_here
    older = None if item.source is None else Path(item.source)
    return LabelledMicrograph(
        name=item.name,
        labels=Labels.of(item.positive_yx, item.negative_yx, item.unsure_yx),
        complete=item.complete,
        source=older if from_here is None else Path(os.path.normpath(folder / from_here)),
        once_at=older,
    )
