"""Checkpoints of a training: one safetensors file, replaced as a whole."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from training import Trainee

from napari_deepem.io.atomic import replacing

MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps of each weight


def keep(trainee: Trainee, path: Path) -> None:
    """Write all that a training needs to go on as if it had not stopped."""
    tensors = {f"now.{name}": values for name, values in trainee.network.state_dict().items()}
    tensors |= {f"mean.{name}": values for name, values in trainee.average.state_dict().items()}
    for index, moments in trainee.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": moments[name] for name in MOMENTS}
    content = save(
        {name: values.contiguous() for name, values in tensors.items()},
        metadata={"done": str(trainee.done), "plan": plan_of(trainee)},
    )
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def restore(trainee: Trainee, path: Path) -> bool:
    """Whether a training was kept there by the same plan, which goes on then."""
    if not path.exists():
        return False
    with safe_open(path, framework="pt") as file:
        if file.metadata()["plan"] != plan_of(trainee):
            return False
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        trainee.done = int(file.metadata()["done"])
    for prefix, network in (("now.", trainee.network), ("mean.", trainee.average)):
        network.load_state_dict(_after(prefix, tensors))
    state = trainee.optimiser.state_dict()
    state["state"] = {
        index: {
            name: moment if name == "step" else torch.empty_like(weights).copy_(moment)
            for name, moment in _after(f"optimiser.{index}.", tensors).items()
        }  # laid out as the weights are: the fused step pairs them by their place in memory
        for index, weights in enumerate(trainee.network.parameters())
    }
    trainee.optimiser.load_state_dict(state)
    return True


def plan_of(trainee: Trainee) -> str:
    """What a training must share with one that it goes on from."""
    return f"{trainee.network.architecture} {trainee.batches} {trainee.seed}"


def _after(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
