"""The view of micrographs on the screen: nothing is trained or scored, and no pick made, by it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from psygnal import EventedModel
from pydantic import ConfigDict, Field, ValidationError

from napari_deepem.core.preprocessing.display_filters import (
    LOW_PASS_BOXES,
    FilteredImage,
    contrast_limits,
    filter_micrograph,
)
from napari_deepem.core.types import Micrograph

__all__ = ["Display", "FilteredImage", "LowPass", "contrast_limits", "filtering"]

OF_FOLDER = ("filtered", "low_pass_angstrom", "high_pass_angstrom", "contrast")
OF_USER = ("contrast_percent", "picture_px")
PICTURE_RANGE_PX = (32, 160)


class Display(EventedModel):
    """The filtered view of the current micrograph, and of the pictures of boxes.

    The fields in `OF_FOLDER` are kept with a folder, those in `OF_USER` with the user.
    """

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
        int | None,
        Field(
            ge=0,
            le=1000,
            title="Low-pass (Å)",
            description="Takes away noise: what is finer than this many Angstrom. 0: nothing. "
            "In pixels where the file gives no pixel size.",
        ),
    ] = None  # an eighth of the box
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
    contrast_percent: Annotated[
        float,
        Field(
            ge=0.0,
            le=10.0,
            title="Contrast (%)",
            description="So many percent of the pixels are black, and as many white: more give "
            "more contrast. Carbon edges and pieces of ice hardly count.",
        ),
    ] = 1.0
    # of micrographs of which it was set: black and white, in robust standard deviations from the
    # median of the filtered picture, so that it holds with any filter
    contrast: dict[str, tuple[float, float]] = Field(default_factory=dict)
    picture_px: Annotated[
        int,
        Field(
            ge=PICTURE_RANGE_PX[0],
            le=PICTURE_RANGE_PX[1],
            title="Picture size",
            description="Side of the pictures of boxes in all docks, screen pixels. "
            "Ctrl and the wheel over a picture change it, too.",
        ),
    ] = 56

    @property
    def low_pass(self) -> LowPass:
        """The low-pass of the micrograph and of pictures of boxes, as it is now."""
        return self.chosen_low_pass if self.filtered else NO_LOW_PASS

    @property
    def chosen_low_pass(self) -> LowPass:
        """The low-pass of whatever is filtered."""
        return LowPass(self.low_pass_angstrom)

    def of_folder(self) -> dict[str, Any]:
        """The values that are kept with a folder."""
        return {name: getattr(self, name) for name in OF_FOLDER}

    def take_of_folder(self, values: Mapping[str, Any]) -> None:
        """Take the values that were kept with a folder; what is not among them is as by default."""
        for name in OF_FOLDER:
            default = type(self).model_fields[name].get_default(call_default_factory=True)
            try:
                setattr(self, name, values.get(name, default))
            except ValidationError:  # what another version of the program allowed
                setattr(self, name, default)


@dataclass(frozen=True, eq=False, slots=True)
class LowPass:
    """The choice of a low-pass; a job may keep it."""

    angstrom: int | None  # None: by the box; 0: nothing is taken away

    def in_angstrom(self, box_size_px: int, pixel_size: float | None) -> float:
        """The low-pass for what is shown of particles in such a box; 1 A/px if that is not known.

        Where none was set it is `LOW_PASS_BOXES`.
        """
        if self.angstrom is not None:
            return float(self.angstrom)
        return LOW_PASS_BOXES * box_size_px * (pixel_size or 1.0)


NO_LOW_PASS = LowPass(0)


def filtering(
    micrograph: Micrograph, low_pass_angstrom: float, high_pass_angstrom: float
) -> Generator[None, None, FilteredImage]:
    """The job that filters one micrograph to be looked at; it returns the `FilteredImage`."""
    yield
    return filter_micrograph(micrograph, low_pass_angstrom, high_pass_angstrom)
