"""Boxes as small pictures: binned, flat and standardised as for the network, without noise.

A picture shows what lies around the box, too: a quarter of the box on each side.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.display_filters import without_noise
from napari_deepem.core.preprocessing.prepare import prepare_micrograph
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.crops import PaddedImage, box_corners, draw_negatives
from napari_deepem.core.types import Float32Array, FloatArray, Labels, Micrograph
from napari_deepem.io.images import read_micrograph
from napari_deepem.session.display import NO_LOW_PASS, LowPass
from napari_deepem.session.state import Session
from napari_deepem.session.training_input import TrainingInput

Pictures = NDArray[np.uint8]  # (n, side, side), the box and its surroundings
SURROUNDINGS = 0.25  # boxes, on each side of the box
GREY_SIGMAS = 3.0  # from black to white: this many to either side of the median
MAY_HOLD_PARTICLES = (
    "background, which may hold particles without a label here: training leaves out what a "
    "network takes for one"
)
KEPT = 3  # prepared micrographs in memory; they are small, but for the seconds that they took
NOTHING = np.empty((0, 2))
BACKGROUND_DISTANCE = 0.5  # boxes; where random negatives of the training boxes lie, at least


@dataclass(frozen=True, eq=False, slots=True)
class TrainingBoxes:
    """Pictures of some of the boxes that the next training is shown."""

    positives: Pictures
    negatives: Pictures  # labelled ones first, then random background
    labelled: int  # of the negatives
    sampling: Sampling
    box_px: int  # of the pictures, in the middle
    is_clear: bool  # whether the background is away from what a network takes for particles

    @property
    def background_text(self) -> str:
        """What the pictures of background are, in words."""
        return "background" if self.is_clear else MAY_HOLD_PARTICLES


def cutting_training_boxes(
    session: Session, count: int
) -> Callable[[], Generator[None, None, TrainingBoxes | None]]:
    """The job that cuts up to `count` training boxes of each kind, of a micrograph in memory.

    It is the one with most particles. The job returns None where none has any, or where that one
    is smaller than the box.
    """
    training_input, sampling = TrainingInput.of(session), session.chosen_sampling
    low_pass = session.display.low_pass
    box_size_px = training_input.box_size_px
    candidates, criteria = dict(session.candidates), session.series_criteria
    labels_by_name = {
        name: united(training_input.labels.get(name), training_input.verdicts.get(name))
        for name in session.micrographs
    }

    def job() -> Generator[None, None, TrainingBoxes | None]:
        yield
        counts = {each: len(labels.positive_yx) for each, labels in labels_by_name.items()}
        name = max(counts, key=counts.__getitem__, default=None)
        if name is None or not counts[name]:
            return None
        labels, micrograph = labels_by_name[name], training_input.micrographs[name]
        if box_size_px > min(micrograph.shape):
            return None
        positive_yx = spread(labels.positive_yx, count)
        negative_yx = spread(labels.negative_yx, count)
        is_scored = name in candidates
        seen_yx = criteria.on(name).picks_of(candidates[name]).centres_yx if is_scored else NOTHING
        taken_yx = np.concatenate([labels.positive_yx, labels.negative_yx, seen_yx])
        drawn_yx = _background(micrograph.shape, taken_yx, box_size_px, count - len(negative_yx))
        centres_yx = np.concatenate([positive_yx, negative_yx, drawn_yx])
        pictures = pictures_of(micrograph, centres_yx, box_size_px, sampling, low_pass)
        positives, negatives = np.split(pictures, [len(positive_yx)])
        box_px = sampling.box_px(box_size_px)
        return TrainingBoxes(positives, negatives, len(negative_yx), sampling, box_px, is_scored)

    return job


Wanted = Mapping[str, FloatArray]  # (n, 2) centres by micrograph
Cut = tuple[str, FloatArray, Pictures]


def cutting(session: Session, wanted: Wanted) -> Callable[[], Generator[Cut, None, None]]:
    """The job that cuts these boxes, in the model's size and binning; one micrograph a step.

    It yields a name, the (n, 2) centres that were wanted, and their pictures. What is not in memory
    is read from its file; what was closed meanwhile is left out.

    Raises
    ------
    InputError
        Of the job: a file can't be read, or the box does not fit its micrograph.
    """
    model, micrographs, files = session.model, dict(session.micrographs), dict(session.files)
    low_pass, pixel_size = session.display.low_pass, session.given_pixel_size
    centres_by_name = {
        name: each for name, each in wanted.items() if name in micrographs or name in files
    }

    def job() -> Generator[Cut, None, None]:
        for name, centres_yx in centres_by_name.items():
            micrograph = micrographs.get(name) or _read(name, files[name], pixel_size)
            pictures = pictures_of(
                micrograph, centres_yx, model.box_size_px, model.sampling, low_pass
            )
            yield name, centres_yx, pictures

    return job


def pictures_of(
    micrograph: Micrograph,
    centres_yx: FloatArray,
    box_size_px: int,
    sampling: Sampling,
    low_pass: LowPass = NO_LOW_PASS,
) -> Pictures:
    """The grey pictures, (n, side, side), of the boxes on (n, 2) centres in original pixels.

    They are `around_px` larger than the boxes on each side, in network pixels, and hold no noise
    finer than the low-pass; without one they are as the network sees them.
    """
    box_px = sampling.box_px(box_size_px)
    around = around_px(box_px)
    blur_angstrom = low_pass.in_angstrom(box_size_px, micrograph.pixel_size)
    padded = _prepared(micrograph, box_size_px, sampling, blur_angstrom)
    corners = box_corners(sampling.to_network(centres_yx), box_px)
    return grey(padded.cut(corners - around, box_px + 2 * around))


def around_px(box_px: int) -> int:
    """The pixels that a picture of a box shows on each side of it."""
    return round(SURROUNDINGS * box_px)


def box_of(pictures: Pictures) -> Pictures:
    """The box alone of a picture, or of (n, side, side) of them; a view."""
    around = round(pictures.shape[-1] * SURROUNDINGS / (1 + 2 * SURROUNDINGS))
    return pictures[..., around : pictures.shape[-2] - around, around : pictures.shape[-1] - around]


def grey(boxes: Float32Array) -> Pictures:
    """The grey values, 0 to 255, of standardised pixels; same shape, uint8."""
    return np.asarray(np.clip((boxes / GREY_SIGMAS + 1) * 127.5, 0, 255), dtype=np.uint8)


def united(labels: Labels | None, verdicts: Labels | None) -> Labels:
    """The labels and verdicts of one micrograph, one after the other."""
    both: Sequence[Labels] = [each for each in (labels, verdicts) if each is not None]
    return Labels.of(
        *(
            np.concatenate([np.empty((0, 2)), *(getattr(each, kind) for each in both)])
            for kind in ("positive_yx", "negative_yx")
        )
    )


def spread(centres_yx: FloatArray, count: int) -> FloatArray:
    """The (n, 2) centres, at most `count` of them, spread from the first to the last."""
    if len(centres_yx) <= count:
        return centres_yx
    return centres_yx[np.linspace(0, len(centres_yx) - 1, count).astype(np.int64)]


def _background(
    shape: tuple[int, int], taken_yx: FloatArray, box_size_px: int, count: int
) -> FloatArray:
    rng = np.random.default_rng(0)
    away_px = BACKGROUND_DISTANCE * box_size_px
    try:
        return draw_negatives(shape, taken_yx, away_px, max(0, count), rng)
    except InputError:  # particles everywhere: training says so
        return NOTHING


_kept: OrderedDict[tuple[Any, ...], tuple[weakref.ref[Any], PaddedImage]] = OrderedDict()


def _prepared(
    micrograph: Micrograph, box_size_px: int, sampling: Sampling, blur_angstrom: float
) -> PaddedImage:
    """The prepared micrograph: new, or one of those prepared last. Its image may not change."""
    key = (micrograph.name, box_size_px, sampling, blur_angstrom)
    image, padded = _kept.get(key, (lambda: None, None))
    if padded is not None and image() is micrograph.image:
        return padded
    prepared = prepare_micrograph(micrograph, box_size_px, sampling)
    if blur_angstrom:
        network_pixel_size = (micrograph.pixel_size or 1.0) * sampling.scale
        prepared = without_noise(prepared, blur_angstrom / network_pixel_size)
    padded = PaddedImage.of(prepared, sampling.box_px(box_size_px))
    _kept[key] = weakref.ref(micrograph.image), padded
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return padded


def _read(name: str, path: Path, pixel_size: float | None) -> Micrograph:
    return replace(read_micrograph(path, pixel_size), name=name)
