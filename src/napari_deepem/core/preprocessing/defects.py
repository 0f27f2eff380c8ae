"""Lines of a micrograph that show nothing: padding at its border, dead and hot detector lines.

Every rule asks a whole row or column, part by part: what a specimen shows, be it ice, carbon's
edge or an empty corner, is never the same along one line of the detector and missing beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_deepem.core.types import Float32Array

Lines = NDArray[np.bool_]  # (n,) one for each row, or each column
Spans = tuple[tuple[int, int], ...]  # first line, and that after the last, of each
Gaps = tuple[Spans, Spans]  # of rows, and of columns
NO_GAPS: Gaps = ((), ())

PARTS = 8  # of a line, each of which has to agree
LINE_PIXELS = 1024  # of a line are looked at: enough for what is off by half a sigma
EMPTY, NEARLY_EMPTY = 0.1, 0.5  # of the image's noise: no image, and its blurred edge
SMEARED, NEARLY_SMEARED = 0.25, 0.9  # of the image's change across lines, compared to along them
NOISE_FACTOR = 3.0  # of the noise of the lines nearby
LEVEL_SIGMAS = 6.0  # of how the levels of lines scatter
NEARBY_LINES = 17  # a block of up to half as many hot lines is seen
BRIDGED_LINES = 3  # gaps so narrow are interpolated: they hide nothing that a picker looks for
HIGHEST_SHARE = 0.5  # of lines that are not blank: more odd ones are how the image is, no defect
PROBES = 64  # pixels of a line, which only a line that may be blank has all alike


def find_blank_lines(image: NDArray[Any]) -> tuple[Lines, Lines]:
    """The rows and the columns of one value each: surely no image, however many they are.

    Each may have a value of its own, and rows are looked at without blank columns, and columns
    without blank rows. None is blank where no other is left.

    Parameters
    ----------
    image : (h, w) array of any real type
        Finite.

    Returns
    -------
    (h,) and (w,) bool arrays, True where blank.
    """
    rows = _constant(image, np.arange(image.shape[1]))
    cols = _constant(image.T, np.flatnonzero(~rows))
    if cols.any():
        rows |= _constant(image, np.flatnonzero(~cols))
    if rows.all() or cols.all():
        return np.zeros_like(rows), np.zeros_like(cols)
    return rows, cols


def _constant(image: NDArray[Any], crossing: NDArray[np.int64]) -> Lines:
    """(h,) rows whose pixels on the crossing columns are all alike; without any of those all."""
    probes = image[:, crossing[:: max(1, len(crossing) // PROBES)]]
    constant: Lines = (probes == probes[:, :1]).all(axis=1)
    for row in np.flatnonzero(constant):
        pixels = image[row, crossing]
        constant[row] = (pixels == pixels[:1]).all()
    return constant


def find_missing_lines(
    image: NDArray[Any],
    limits: tuple[float, float] = (-np.inf, np.inf),
    blank: tuple[Lines, Lines] | None = None,
) -> tuple[Lines, Lines]:
    """The rows and the columns that carry no image.

    These are, at the border or inside: blank lines; those nearly without noise; blocks of up to 8
    lines of another level, or noise, than the lines around; and at the border only: lines that
    repeat what is beside them, as an image filtered after padding leaves them. Blank lines count
    in no figure of what is usual.

    Parameters
    ----------
    image : (h, w) array of any real type
        Finite.
    limits : (low, high)
        Of its pixels: hotter ones are clipped.
    blank : pair of (h,) and (w,) bool arrays, optional
        Its blank lines, where they are known.

    Returns
    -------
    (h,) and (w,) bool arrays, True where missing.
    """
    blank_rows, blank_cols = find_blank_lines(image) if blank is None else blank
    rows = _missing(image, 0, np.flatnonzero(~blank_cols), limits, blank_rows)
    cols = _missing(image, 1, np.flatnonzero(~rows), limits, blank_cols)
    if cols.any():  # rows are looked at without padding, too
        rows |= _missing(image, 0, np.flatnonzero(~cols), limits, blank_rows)
    return rows, cols


def split_narrow_gaps(rows: Lines, cols: Lines) -> tuple[Gaps, tuple[Lines, Lines]]:
    """Gaps of at most 3 lines between others, which are bridged, and the lines that stay missing.

    Gaps at the border stay.
    """
    (row_gaps, wide_rows), (col_gaps, wide_cols) = _split(rows), _split(cols)
    return (row_gaps, col_gaps), (wide_rows, wide_cols)


def _split(lines: Lines) -> tuple[Spans, Lines]:
    narrow, wide = [], lines.copy()
    for first, last in _spans(lines):
        if first > 0 and last < len(lines) and last - first <= BRIDGED_LINES:
            narrow.append((first, last))
            wide[first:last] = False
    return tuple(narrow), wide


def clipped_rows(
    image: NDArray[Any], rows: slice, limits: tuple[float, float], gaps: Gaps
) -> Float32Array:
    """Some rows of an image as float32, clipped, gaps interpolated from the lines beside them."""

    def clipped(pixels: NDArray[Any]) -> Float32Array:
        return np.clip(np.asarray(pixels, dtype=np.float32), *limits)

    part = clipped(image[rows])
    row_gaps, col_gaps = gaps
    for first, last in row_gaps:
        bridge = _bridge(clipped(image[first - 1]), clipped(image[last]), last - first)
        for row in range(max(first, rows.start), min(last, rows.stop)):
            part[row - rows.start] = bridge[row - first]
    for first, last in col_gaps:
        part[:, first:last] = _bridge(part[:, first - 1], part[:, last], last - first).T
    return part


def _bridge(before: Float32Array, after: Float32Array, count: int) -> Float32Array:
    """(count, n) lines on the straight way from one line to another."""
    shares = (np.arange(1, count + 1) / (count + 1)).astype(np.float32)
    return before + shares[:, None] * (after - before)


def _missing(
    image: NDArray[Any],
    axis: int,
    crossing: NDArray[np.int64],
    limits: tuple[float, float],
    blank: Lines,
) -> Lines:
    """(h,) lines along an axis that carry no image, told by their pixels on crossing lines."""
    shown = ~blank
    if min(int(shown.sum()), len(crossing)) < 2 * PARTS:
        return blank.copy()
    sample = np.linspace(0, len(crossing) - 2, min(len(crossing) - 1, LINE_PIXELS)).astype(np.int64)
    pixels = _clipped_lines(image, 1 - axis, crossing[sample], limits)
    steps = _clipped_lines(image, 1 - axis, crossing[sample + 1], limits)
    steps -= pixels
    level, noise = _parts(pixels, axis), _parts(np.abs(steps, out=steps), axis)  # (h, parts)
    del steps  # as large as a part of the micrograph
    change = np.diff(pixels, axis=axis)
    missing = _empty(noise, shown)
    missing[shown] |= _unlike_nearby(level[shown], noise[shown])
    missing |= _smeared(_parts(np.abs(change, out=change), axis), noise, shown)
    return blank | missing if missing[shown].mean() <= HIGHEST_SHARE else blank.copy()


def _clipped_lines(
    image: NDArray[Any], axis: int, indices: NDArray[np.int64], limits: tuple[float, float]
) -> Float32Array:
    pixels = np.take(image, indices, axis=axis).astype(np.float32, copy=False)
    return np.clip(pixels, *limits, out=pixels)


def _parts(image: Float32Array, axis: int) -> Float32Array:
    """(h, parts) means of the parts of every line along an axis."""
    parts = np.array_split(image, PARTS, axis=1 - axis)
    return np.stack([part.mean(axis=1 - axis) for part in parts], axis=1)


def _empty(noise: Float32Array, shown: Lines) -> Lines:
    """Rows without noise, and those beside them where a filter has spread it."""
    highest, usual = noise.max(axis=1), np.median(noise[shown])
    return _grow(highest < EMPTY * usual, highest < NEARLY_EMPTY * usual)


def _unlike_nearby(level: Float32Array, noise: Float32Array) -> Lines:
    """Rows whose level, or noise, is another than nearby in each of their parts."""
    offset = level - scipy.ndimage.median_filter(level, (NEARBY_LINES, 1), mode="reflect")
    reach = LEVEL_SIGMAS * 1.4826 * np.median(np.abs(offset))
    nearby = scipy.ndimage.median_filter(noise, (NEARBY_LINES, 1), mode="reflect")
    brighter, darker = (offset > reach).all(axis=1), (offset < -reach).all(axis=1)
    noisier = (noise > NOISE_FACTOR * nearby).all(axis=1)
    calmer = (NOISE_FACTOR * noise < nearby).all(axis=1)
    unlike: Lines = brighter | darker | noisier | calmer
    return unlike


def _smeared(change: Float32Array, noise: Float32Array, shown: Lines) -> Lines:
    """Rows at the border that change less towards the next one than along themselves."""
    middle = len(noise) // 2
    inwards = np.concatenate([change[:middle], change[middle - 1 :]]).mean(axis=1)
    along = noise.mean(axis=1)
    ratio = np.divide(inwards, along, out=np.ones_like(along), where=along > 0)
    usual = np.median(ratio[shown])
    smeared = _grow(ratio < SMEARED * usual, ratio < NEARLY_SMEARED * usual)
    for first, last in _spans(smeared):
        smeared[first:last] &= first == 0 or last == len(smeared)
    return smeared


def _grow(certain: Lines, likely: Lines) -> Lines:
    """The spans of likely lines that hold a certain one."""
    grown = np.zeros_like(likely)
    for first, last in _spans(likely):
        grown[first:last] = certain[first:last].any()
    return grown


def _spans(lines: Lines) -> list[tuple[int, int]]:
    """First line, and that after the last, of every span of True."""
    steps = np.flatnonzero(np.diff(lines.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(last)) for first, last in steps.reshape(-1, 2)]
