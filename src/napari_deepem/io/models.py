"""Model files: safetensors weights, and in their header all that is needed to use them again.

The header also holds what the model was trained on: names and labels of micrographs, and the paths
of their files as seen from the model's folder.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.io.atomic import check_writable, replacing
from napari_deepem.io.model_description import description_of, read_description, read_training_sets
from napari_deepem.io.tensor_files import check_header, shapes_in, tensor_bytes

if TYPE_CHECKING:
    from napari_deepem.core.network.network import Network  # its class would bring torch

MODEL_SUFFIX = ".safetensors"
FORMAT = "napari-deepem model"
FORMAT_VERSION = 1
LARGEST_HEADER = 64 * 2**20  # bytes: a million labels take less


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
    header = {"format": FORMAT, "version": str(FORMAT_VERSION), **description_of(model, folder)}
    return tensor_bytes(_weights(model), header)


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
    refusal = f"{path} does not describe a whole model ({{reason}}): train again, or copy it again"
    try:
        check_header(path, LARGEST_HEADER)
        with safe_open(path, framework="pt") as file:
            header = _known_header(file.metadata() or {}, path)
            description = read_description(header, refusal)
            expected = description.architecture.weight_shapes
            if shapes_in(file) != expected:
                raise InputError(refusal.replace("{reason}", "weights of another network"))
            weights = {name: file.get_tensor(name) for name in expected}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise InputError(
            f"{path} is damaged or not a model file ({error}): train again, or copy it again"
        ) from error
    if not all(values.isfinite().all() for values in weights.values()):
        raise InputError(refusal.replace("{reason}", "weights that are no numbers"))
    return Model(
        network=_network(description.architecture, weights),
        **read_training_sets(header, folder or path.parent, refusal),
        **description.parameters,
    )


def _known_header(header: dict[str, str], path: Path) -> dict[str, str]:
    """The header, if it is that of a model in a format that this program knows."""
    if header.get("format") != FORMAT:
        raise InputError(f"{path} holds other weights, not a model of napari-deepem")
    version = header.get("version", "")
    if version != str(FORMAT_VERSION):
        raise InputError(
            f"{path} is a model of format version {version or 'unknown'}, this program reads "
            f"version {FORMAT_VERSION}: update napari-deepem, or train again"
        )
    return header


def _network(architecture: Architecture, weights: dict[str, Any]) -> Network:
    from napari_deepem.core.network.network import Network  # brings torch, which takes seconds

    network = Network(architecture)
    network.load_state_dict(weights)
    return network.eval()
