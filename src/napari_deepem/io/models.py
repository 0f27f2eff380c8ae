"""Model files: safetensors weights, and in their header all that is needed to use them again.

The header also holds what the model was trained on: names, labels and file paths of micrographs,
the latter as they are on this machine and as seen from the model's folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Labels
from napari_deepem.io.atomic import check_writable, replacing

MODEL_SUFFIX = ".safetensors"
FORMAT = "napari-deepem model"
FORMAT_VERSION = 1


def model_path(path: str | Path) -> Path:
    """The path that `save_model` writes to: its suffix is added where it is missing.

    Called before a training too, so that a wrong path is reported before the work is done.

    Raises
    ------
    InputError
        If it is a folder, or no file can be made there.
    """
    path = Path(path)
    if not path.is_dir() and path.suffix != MODEL_SUFFIX:
        path = path.with_name(path.name + MODEL_SUFFIX)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; choose another file name")
    check_writable(path.parent)
    return path


def save_model(model: Model, path: str | Path) -> Path:
    """A model written to one `.safetensors` file (the suffix is added where it is missing).

    Parameters
    ----------
    model : Model
    path : str or Path

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If the file can't be written.

    Examples
    --------
    >>> from napari_deepem import Labels, save_model, simulate_sample, train
    >>> (simulated,) = simulate_sample(1)
    >>> labels = Labels.of(simulated.truth_yx)
    >>> model = train([simulated.micrograph], [labels], box_size_px=120, epochs=1)
    >>> path = save_model(model, "klh.safetensors")
    >>> path.name
    'klh.safetensors'
    """
    path = model_path(path)
    content = model_bytes(model, path.parent)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def model_bytes(model: Model, folder: Path) -> bytes:
    """The content of a model file in this folder."""
    description = {
        field.name: getattr(model, field.name)
        for field in fields(model)
        if field.name not in ("network", "training_set")
    }
    description = {  # files have called it by this name from the first version on
        "binning" if name == "sampling" else name: value.scale if name == "sampling" else value
        for name, value in description.items()
    }
    description["architecture"] = asdict(model.network.architecture)
    header = {
        "format": FORMAT,
        "version": str(FORMAT_VERSION),
        "model": json.dumps(description),
        "training_set": json.dumps(
            [_remembered(item, folder) for item in model.training_set], separators=(",", ":")
        ),
    }
    return save(_weights(model), metadata=header)


def model_digest(model: Model) -> str:
    """16 letters and digits that two models share if they give the same scores."""
    digest = hashlib.sha256(repr(model.network.architecture).encode())
    digest.update(f"{model.box_size_px} {model.sampling} {model.smoothing}".encode())
    for name, weights in sorted(_weights(model).items()):
        digest.update(name.encode() + weights.tobytes())
    return digest.hexdigest()[:16]


def _weights(model: Model) -> dict[str, Any]:
    return {name: w.detach().cpu().numpy() for name, w in model.network.state_dict().items()}


def load_model(path: str | Path, folder: Path | None = None) -> Model:
    """The model in a file that `save_model` wrote.

    Parameters
    ----------
    path : str or Path
    folder : Path, optional
        Where the file was made, if that is elsewhere: micrographs are looked for from there.

    Raises
    ------
    InputError
        If the file is missing, damaged, of a newer version or not a model of this program.

    Examples
    --------
    >>> from napari_deepem import Labels, load_model, save_model, simulate_sample, train
    >>> (simulated,) = simulate_sample(1)
    >>> labels = Labels.of(simulated.truth_yx)
    >>> model = train([simulated.micrograph], [labels], box_size_px=120, epochs=1)
    >>> path = save_model(model, "klh.safetensors")
    >>> load_model(path).threshold == model.threshold
    True
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no model file {path}: give a {MODEL_SUFFIX} file that training wrote")
    try:
        path.open("rb").close()  # safetensors calls a file that may not be read a missing one
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            description = _description(header, path)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise InputError(
            f"{path} is damaged or not a model file ({error}): train again, or copy it again"
        ) from error
    try:
        return _build(description, weights, _recalled(header, folder or path.parent))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torch lists misfitting weights on many lines
        raise InputError(
            f"{path} does not describe a whole model ({reason}): train again, or copy it again"
        ) from error


def _description(header: dict[str, str], path: Path) -> dict[str, Any]:
    if header.get("format") != FORMAT:
        raise InputError(f"{path} holds other weights, not a model of napari-deepem")
    version = header.get("version", "")
    if version != str(FORMAT_VERSION):
        raise InputError(
            f"{path} is a model of format version {version or 'unknown'}, this program reads "
            f"version {FORMAT_VERSION}: update napari-deepem, or train again"
        )
    try:
        description = json.loads(header.get("model", ""))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} has a damaged description: train again") from error
    if not isinstance(description, dict):
        raise InputError(f"{path} has a damaged description: train again")
    return description


def _remembered(item: LabelledMicrograph, folder: Path) -> dict[str, Any]:
    source = str(item.source.absolute()) if item.source else None
    return {
        "name": item.name,
        "complete": item.complete,
        "source": source,
        "source_from_here": source and _path_from(folder, source),
        **{kind.name: getattr(item.labels, kind.name).tolist() for kind in fields(Labels)},
    }


def _path_from(folder: Path, source: str) -> str | None:
    try:
        return Path(os.path.relpath(source, folder)).as_posix()
    except ValueError:  # on another drive
        return None


def _recalled(header: dict[str, str], folder: Path) -> tuple[LabelledMicrograph, ...]:
    """The training set that a model remembers; empty in files that older versions wrote."""
    return tuple(
        LabelledMicrograph(
            name=item["name"],
            labels=Labels.of(**{kind.name: item[kind.name] for kind in fields(Labels)}),
            complete=item["complete"],
            source=_where_it_is(item["source"], item["source_from_here"], folder),
        )
        for item in json.loads(header.get("training_set", "[]"))
    )


def _where_it_is(source: str | None, source_from_here: str | None, folder: Path) -> Path | None:
    """The file where it was, or as far from the model as it was, if all has moved together."""
    if source is None:
        return None
    places = [Path(source), *([folder / source_from_here] if source_from_here else [])]
    return next(filter(_can_be_seen, places), Path(source))


def _can_be_seen(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder of somebody else's
        return False


def _build(
    description: dict[str, Any],
    weights: dict[str, Any],
    training_set: tuple[LabelledMicrograph, ...],
) -> Model:
    from napari_deepem.core.network.network import Network  # brings torch, which takes seconds

    stored = description.pop("architecture")
    network = Network(
        Architecture(
            box_px=int(stored["box_px"]),
            kernels=tuple(stored["kernels"]),
            pools=tuple(stored["pools"]),
            maps=tuple(stored["maps"]),
            activation=stored["activation"],
        )
    )
    network.load_state_dict(weights)
    low, high = description.pop("std_range")
    return Model(
        network=network.eval(),
        sampling=Sampling(description.pop("binning")),
        std_range=(float(low), float(high)),
        training_set=training_set,
        **description,
    )
