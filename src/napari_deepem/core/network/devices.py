"""The device that computes: the processor, or a GPU through CUDA or Apple's Metal (MPS).

A name is chosen where a job is asked for and made a device once; within the job the device is
passed on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, get_args

from napari_deepem.core.errors import InputError

if TYPE_CHECKING:
    import torch

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def chosen_device(name: DeviceName = "auto") -> torch.device:
    """The device of that name; for `auto` a GPU where there is one, else the processor.

    InputError for a name that is unknown, or a device that torch does not have here.
    """
    import torch

    if name not in get_args(DeviceName):
        raise InputError(f"device {name!r}: give one of {', '.join(get_args(DeviceName))}")
    is_available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(each for each in ("cuda", "mps", "cpu") if is_available[each])
    if not is_available[name]:
        raise InputError(f"device {name!r} is not available to torch here: use cpu, or auto")
    return torch.device(name)


def exact_convolutions(device: torch.device) -> AbstractContextManager[None]:
    """A context that keeps CUDA from rounding to TensorFloat-32's ten bits in convolutions."""
    if device.type != "cuda":
        return nullcontext()
    import torch

    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that a device had too little memory; for MPS only its text tells."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)


@contextmanager
def threads_of_torch(number: int) -> Iterator[None]:
    """A block in which torch works on so many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
