"""The view of micrographs on the screen. Nothing that is trained, scored or saved depends on it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated

from psygnal import EventedModel
from pydantic import ConfigDict, Field

from napari_deepem.core.preprocessing.display_filters import FilteredImage, filter_micrograph
from napari_deepem.core.types import Micrograph

__all__ = ["Display", "FilteredImage", "filtering"]


class Display(EventedModel):
    """The filtered view of the current micrograph."""

    model_config = ConfigDict(validate_assignment=True)

    filtered: Annotated[
        bool,
        Field(
            title="Show filtered",
            description="Shows the micrograph without noise and gradients, so that particles are "
            "seen. Only what you see is filtered: training and picking use the file's pixels.",
        ),
    ] = True
    low_pass_angstrom: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            title="Low-pass (Å)",
            description="Takes away noise: what is finer than this many Angstrom. 0: nothing. "
            "1 Å/px where the file gives no pixel size.",
        ),
    ] = 20
    high_pass_angstrom: Annotated[
        int,
        Field(
            ge=0,
            le=10000,
            title="High-pass (Å)",
            description="Takes away gradients of the ice: what is coarser than this many "
            "Angstrom, such as three times the particle. 0: nothing.",
        ),
    ] = 0
    contrast_sigmas: Annotated[
        float,
        Field(
            ge=0.5,
            le=10.0,
            title="Contrast (σ)",
            description="Black and white lie this many standard deviations from the middle grey; "
            "fewer give more contrast.",
        ),
    ] = 3.0


def filtering(
    micrograph: Micrograph, low_pass_angstrom: float, high_pass_angstrom: float
) -> Generator[None, None, FilteredImage]:
    """The job that filters one micrograph to be looked at; it returns the `FilteredImage`."""
    yield
    return filter_micrograph(micrograph, low_pass_angstrom, high_pass_angstrom)
