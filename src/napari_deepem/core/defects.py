"""Where a micrograph shows nothing: padded bands along its border, dead and hot detector lines.

Every rule asks a whole row or column, part by part: what a specimen shows, be it ice, carbon's
edge or an empty corner, is never the same along one line of the detector and missing beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_deepem.core.types import Float32Array

Lines = NDArray[np.bool_]  # (n,) one for each row, or each column

PARTS = 8  # of a line, each of which has to agree
LINE_PIXELS = 1024  # of a line are looked at: enough for what is off by half a sigma
EMPTY, NEARLY_EMPTY = 0.1, 0.5  # of the image's noise: no image, and its blurred edge
SMEARED, NEARLY_SMEARED = 0.25, 0.9  # of the image's change across lines, compared to along them
NOISE_FACTOR = 3.0  # of the noise of the lines nearby
LEVEL_SIGMAS = 6.0  # of how the levels of lines scatter
NEARBY_LINES = 17  # a block of up to half as many hot lines is seen
BRIDGED_LINES = 3  # gaps so narrow are interpolated: they hide nothing that a picker looks for
HIGHEST_SHARE = 0.5  # of all lines: more of them is how the image is, not a defect of it


def find_missing_lines(image: Float32Array) -> tuple[Lines, Lines]:
    """Find the rows and the columns that carry no image.

    These are, at the border or inside: lines without noise (a constant, or nearly so); blocks of
    up to 8 lines of another level, or noise, than the lines around; and at the border only: lines
    that repeat what is beside them, as an image filtered after padding leaves them.

    Parameters
    ----------
    image : (h, w) float32 array
        Finite, hot pixels clipped.

    Returns
    -------
    (h,) and (w,) bool arrays, True where missing.
    """
    rows = _missing_rows(image)
    cols = _missing_rows((image[~rows] if rows.any() else image).T)
    if cols.any():  # rows are judged by what is no padding, too
        rows |= _missing_rows(image[:, ~cols])
    return rows, cols


def bridge_narrow_gaps(image: Float32Array, rows: Lines, cols: Lines) -> Float32Array:
    """Interpolate gaps of at most 3 lines from the lines beside them, in a copy.

    The bridged lines are set to False in `rows` and `cols`. Gaps at the border stay.
    """
    image = image.copy()
    for lines, along in ((rows, image), (cols, image.T)):  # views: filled in place
        for first, last in _runs(lines):
            if first == 0 or last == len(lines) or last - first > BRIDGED_LINES:
                continue
            shares = (np.arange(1, last - first + 1) / (last - first + 1)).astype(np.float32)
            before, after = along[first - 1], along[last]
            along[first:last] = before + shares[:, None] * (after - before)
            lines[first:last] = False
    return image


def _missing_rows(image: Float32Array) -> Lines:
    """(h,) rows of an (h, w) image that carry no image."""
    height, width = image.shape
    if min(height, width) < 2 * PARTS:
        return np.zeros(height, dtype=bool)
    at = np.linspace(0, width - 2, min(width - 1, LINE_PIXELS)).astype(np.int64)
    here, beside = image[:, at], image[:, at + 1]
    level, noise = _parts(here), _parts(np.abs(beside - here))  # (h, parts)
    missing = _empty(noise) | _unlike_nearby(level, noise)
    missing |= _smeared(_parts(np.abs(np.diff(here, axis=0))), noise)
    return missing if missing.mean() <= HIGHEST_SHARE else np.zeros(height, dtype=bool)


def _parts(image: Float32Array) -> Float32Array:
    """(h, parts) means of the parts of every row."""
    parts = np.array_split(np.ascontiguousarray(image), PARTS, axis=1)
    return np.stack([part.mean(axis=1) for part in parts], axis=1)


def _empty(noise: Float32Array) -> Lines:
    """Rows without noise, and those beside them where a filter has spread it."""
    highest, usual = noise.max(axis=1), np.median(noise)
    return _grow(highest < EMPTY * usual, highest < NEARLY_EMPTY * usual)


def _unlike_nearby(level: Float32Array, noise: Float32Array) -> Lines:
    """Rows whose level, or noise, is another than nearby in each of their parts."""
    offset = level - ndimage.median_filter(level, (NEARBY_LINES, 1), mode="reflect")
    reach = LEVEL_SIGMAS * 1.4826 * np.median(np.abs(offset))
    nearby = ndimage.median_filter(noise, (NEARBY_LINES, 1), mode="reflect")
    brighter, darker = (offset > reach).all(axis=1), (offset < -reach).all(axis=1)
    noisier = (noise > NOISE_FACTOR * nearby).all(axis=1)
    calmer = (NOISE_FACTOR * noise < nearby).all(axis=1)
    unlike: Lines = brighter | darker | noisier | calmer
    return unlike


def _smeared(change: Float32Array, noise: Float32Array) -> Lines:
    """Rows at the border that change less towards the next one than along themselves."""
    middle = len(noise) // 2
    inwards = np.concatenate([change[:middle], change[middle - 1 :]]).mean(axis=1)
    along = noise.mean(axis=1)
    ratio = np.divide(inwards, along, out=np.ones_like(along), where=along > 0)
    usual = np.median(ratio)
    smeared = _grow(ratio < SMEARED * usual, ratio < NEARLY_SMEARED * usual)
    for first, last in _runs(smeared):
        smeared[first:last] &= first == 0 or last == len(smeared)
    return smeared


def _grow(certain: Lines, likely: Lines) -> Lines:
    """The runs of likely lines that hold a certain one."""
    grown = np.zeros_like(likely)
    for first, last in _runs(likely):
        grown[first:last] = certain[first:last].any()
    return grown


def _runs(lines: Lines) -> list[tuple[int, int]]:
    """First line, and that after the last, of every run of True."""
    steps = np.flatnonzero(np.diff(lines.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(last)) for first, last in steps.reshape(-1, 2)]
