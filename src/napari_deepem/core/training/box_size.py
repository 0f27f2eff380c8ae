"""The box size that clicked particles need."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_deepem.core.preprocessing.prepare import robust_statistics
from napari_deepem.core.types import Float32Array, FloatArray, Labels, Micrograph

FEWEST_PARTICLES = 5
MOST_PER_MICROGRAPH = 60  # more of them sharpen the profile no further
CLIPPED_SIGMAS = 6.0  # of pixels: hot ones and carbon would outweigh a faint particle
ENOUGH_PROFILES = 3 * MOST_PER_MICROGRAPH
INNERMOST_PX = 3  # rings within have too few pixels to tell anything
FARTHEST_SHARE, FARTHEST_PX = 0.25, 400  # of the shorter side; how far out is looked
SMOOTHING_PX = 1.5
EDGE_SHARE = 0.1  # of the strongest contrast: what is left at the particle's edge
CERTAIN = 4.0  # standard errors: a fainter ring may be chance
# contrast transfer cuts particles of a few pixels short: 20 px would be suggested for
# beta-galactosidase at 7 A/px, which is 25 px long
LEAST_SUGGESTED_PX = 36
BOX_PER_RADIUS = 2.5  # a diameter and a quarter more: surroundings, particles longer than wide


def suggest_box(micrographs: Iterable[Micrograph], labels: Iterable[Labels]) -> int | None:
    """The box size that suits what was clicked as particles.

    The boxes around all clicks are averaged, over rotations too: what is left is how much brighter
    or darker than the background a particle is at each distance from its middle. Going outwards
    from the strongest contrast, the particle ends where 10 % of it is left; the fringe of the
    contrast transfer beyond has the other sign. The box is 2.5 times that radius, an even
    number, and not less than 36 px.

    Parameters
    ----------
    micrographs, labels : iterables of the same length

    Returns
    -------
    Side of the box, original pixels; None for fewer than five particles, or where their average
    does not stand out from chance by four standard errors.

    Examples
    --------
    >>> from napari_deepem import Labels, simulate_sample
    >>> from napari_deepem.core.training.box_size import suggest_box
    >>> (simulated,) = simulate_sample(1)
    >>> suggest_box([simulated.micrograph], [Labels.of(simulated.truth_yx)])
    102
    """
    suggestion = BoxSuggestion()
    for micrograph, each in zip(micrographs, labels, strict=True):
        suggestion.add(micrograph, each)
    return suggestion.box_px()


class BoxSuggestion:
    """The same of micrographs that come one after the other; none is kept."""

    def __init__(self) -> None:
        self._profiles: list[FloatArray] = []

    def add(self, micrograph: Micrograph, labels: Labels) -> None:
        """Look at a micrograph, unless enough particles were seen."""
        if sum(map(len, self._profiles)) < ENOUGH_PROFILES and len(labels.positive_yx):
            reach = min(int(FARTHEST_SHARE * min(micrograph.shape)), FARTHEST_PX)
            self._profiles.append(radial_profiles(micrograph.image, labels.positive_yx, reach))

    def box_px(self) -> int | None:
        """The box size, see `suggest_box`."""
        reach = min((profiles.shape[1] for profiles in self._profiles), default=0)
        if reach <= 4 * INNERMOST_PX:
            return None
        rings = np.concatenate([profiles[:, :reach] for profiles in self._profiles])
        radius_px = edge_radius(rings) if len(rings) >= FEWEST_PARTICLES else None
        if radius_px is None:
            return None
        return max(LEAST_SUGGESTED_PX, 2 * round(BOX_PER_RADIUS * radius_px / 2))


def radial_profiles(image: NDArray[np.generic], centres_yx: FloatArray, reach: int) -> FloatArray:
    """(n, reach) mean of the pixels at each whole distance from n centres, in sigmas of the image.

    NaN where all of a ring lies beyond the border.
    """
    middle, spread = robust_statistics(np.asarray(image[::4, ::4], dtype=np.float32))
    side = np.arange(-reach, reach + 1)
    distance = np.rint(np.hypot(side[:, None], side)).astype(np.int64)
    profiles = [np.empty((0, reach))]
    for centre in np.rint(centres_yx[:MOST_PER_MICROGRAPH]).astype(np.int64):
        first, last = np.maximum(centre - reach, 0), centre + reach + 1
        window = np.asarray(image[first[0] : last[0], first[1] : last[1]], dtype=np.float32)
        start = first - (centre - reach)
        rings = distance[start[0] :, start[1] :][: window.shape[0], : window.shape[1]]
        profiles.append(_ring_means((window - middle) / spread, rings, reach)[None])
    return np.concatenate(profiles)


def _ring_means(window: Float32Array, rings: NDArray[np.int64], reach: int) -> FloatArray:
    clipped = np.clip(np.nan_to_num(window), -CLIPPED_SIGMAS, CLIPPED_SIGMAS)
    counts = np.bincount(rings.ravel(), minlength=reach)[:reach]
    sums = np.bincount(rings.ravel(), clipped.ravel(), minlength=reach)[:reach]
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def edge_radius(profiles: FloatArray) -> float | None:
    """The radius at which particles of (n, reach) profiles end, px; None if it can't be told."""
    is_seen = np.isfinite(profiles)
    counts = np.maximum(is_seen.sum(axis=0), 1)
    mean = np.where(is_seen, profiles, 0.0).sum(axis=0) / counts
    deviation = np.where(is_seen, profiles - mean, 0.0)
    error = np.sqrt((deviation**2).sum(axis=0) / np.maximum(counts - 1, 1) / counts)
    mean[:INNERMOST_PX] = mean[INNERMOST_PX]
    contrast = scipy.ndimage.gaussian_filter1d(
        mean - np.median(mean[len(mean) // 2 :]), SMOOTHING_PX
    )
    is_certain = np.abs(contrast) > CERTAIN * error
    is_certain[:INNERMOST_PX] = False
    if not is_certain.any():
        return None
    strongest = int(np.where(is_certain, np.abs(contrast), 0.0).argmax())
    strength = contrast[strongest]
    beyond = contrast[strongest:] / strength
    ended = np.flatnonzero(beyond < EDGE_SHARE)
    if not len(ended):
        return None
    first = int(ended[0])
    fraction = (beyond[first - 1] - EDGE_SHARE) / (beyond[first - 1] - beyond[first])
    return strongest + first - 1 + float(fraction)
