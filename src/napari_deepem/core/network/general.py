"""The general network, which comes with the package: it picks before anything is labelled.

It was trained on particles made by chance, see docs/general.md. Its file is a model file like any
other; it is read here, as data of the package, so that training can start from it by default.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.preprocessing.sampling import MAX_BINNING, Sampling

if TYPE_CHECKING:
    from napari_deepem.core.network.network import Network  # its class would bring torch

GENERAL_BOX_PX = 44  # side of the network's box: micrographs are sampled so that a user's is that
BOX_RANGE_PX = 12, GENERAL_BOX_PX * MAX_BINNING  # of a user's boxes that it takes
GENERAL_RECIPE = "general"  # what a model of it calls its recipe
_FILE = "general.safetensors"


def general_sampling(box_size_px: int) -> Sampling:
    """The sampling at which a box of so many original pixels is the general network's.

    InputError for a box that is too small or too large to be sampled so.
    """
    smallest, largest = BOX_RANGE_PX
    if not smallest <= box_size_px <= largest:
        raise InputError(
            f"a box of {box_size_px} px: the general network takes {smallest} to {largest:,} px"
        )
    return Sampling(box_size_px / GENERAL_BOX_PX)


def general_model(box_size_px: int) -> Model:
    """The general network as a model for boxes of so many original pixels.

    Examples
    --------
    >>> from napari_deepem import general_model
    >>> model = general_model(110)
    >>> model.box_px, model.binning
    (44, 2.5)
    """
    network, parameters = _read()
    return Model(
        network=network,
        recipe=GENERAL_RECIPE,
        box_size_px=box_size_px,
        sampling=general_sampling(box_size_px),
        pixel_size=None,
        threshold=parameters["threshold"],
        std_range=tuple(parameters["std_range"]),
        smoothing=parameters["smoothing"],
    )


def is_general(model: Model) -> bool:
    """Whether a model is the general network as it comes, which no label has taught."""
    return model.recipe == GENERAL_RECIPE


@lru_cache(maxsize=1)
def _read() -> tuple[Network, dict[str, Any]]:
    """The network, and the other parameters of its model; whoever changes weights copies them."""
    from safetensors.torch import load

    from napari_deepem.core.network.network import Network

    content = resources.files(__package__).joinpath(_FILE).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    description = json.loads(header["__metadata__"]["model"])
    shape: dict[str, Any] = description["architecture"]
    layers = {name: tuple(shape[name]) for name in ("kernels", "pools", "maps")}
    network = Network(Architecture(**shape | layers))
    network.load_state_dict(load(content))
    return network.eval(), description
