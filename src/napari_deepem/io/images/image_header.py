"""What the header of an image file says: its shape, its frames, its pixel size."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_SIDE = 1 << 17  # px: beyond any camera or montage, so a header that says so is junk


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The header of a file of one image, or of a stack of frames of one shape."""

    shape: tuple[int, int]  # (height, width) of a frame
    frames: int
    pixel_size: float | None  # A/px; None where the file does not say
