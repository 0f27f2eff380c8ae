"""The input of the next training: labels, and verdicts on picks, wherever the images are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.verdicts import clear_of, join, labels_of_verdicts
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.training.label_advice import LabelledImage
from napari_deepem.core.training.settings import TrainingSettings, sampling_of
from napari_deepem.core.types import NO_LABELS, FloatArray, Labels, Micrograph, Picks
from napari_deepem.io.images import read_micrograph, read_shape
from napari_deepem.session.state import Session
from napari_deepem.session.training_rounds import began_here


def training_settings(session: Session) -> TrainingSettings:
    """The settings of the next training; InputError for parameters that don't go together."""
    return TrainingSettings(
        session.box_size_px,
        sampling_of(session.binning),
        session.recipe,
        session.epochs or None,
        session.seed,
        start=session.start,
    )


@dataclass(frozen=True, eq=False, slots=True)
class TrainingInput:
    """The labels, verdicts and images of a session as they are at one moment; a job may keep it."""

    labels: Mapping[str, Labels]
    verdicts: Mapping[str, Labels]
    picks: Mapping[str, Picks]  # of micrographs with verdicts: what was neither is unsure
    micrographs: Mapping[str, Micrograph]  # in memory
    files: Mapping[str, Path]
    excluded: frozenset[str]
    box_size_px: int
    labels_complete: bool  # whether every particle is labelled where any is
    settled: Mapping[str, FloatArray] = field(default_factory=dict)  # places, see `mending`
    began_here: bool = False  # whether the model has learnt nothing but what was said here
    pixel_size: float | None = None  # A/px of the files; None: what they say

    @classmethod
    def of(cls, session: Session) -> TrainingInput:
        """The input that a session gives now; to be asked for on the main thread."""
        verdicts = session.with_verdicts()
        return cls(
            labels=session.labelled(),
            verdicts=verdicts,
            picks={
                name: session.series_criteria.on(name).picks_of(session.candidates[name])
                for name in verdicts
                if name in session.candidates
            },
            micrographs=dict(session.micrographs),
            files=dict(session.files),
            excluded=session.excluded,
            box_size_px=session.box_size_px,
            labels_complete=session.labels_complete,
            pixel_size=session.given_pixel_size,
            settled={name: each.unsure_yx for name, each in session.verdicts.items()},
            began_here=began_here(session.rounds),
        )

    def items(self) -> list[LabelledMicrograph]:
        """The micrographs with labels or verdicts, in the order of the series.

        Where a verdict and a label differ the verdict holds: it is the later one. What lies
        outside of its micrograph, as where a smaller file has taken its place, is left out, and
        a particle that was labelled twice counts once.

        Raises
        ------
        InputError
            A file can't be read, as far as it tells its size.
        """
        with_labels = [
            LabelledMicrograph(name, labels, self.labels_complete, self._source_of(name))
            for name, labels in self.labels.items()
        ]
        with_verdicts = [
            LabelledMicrograph(name, self._labels_of_verdicts(name), False, self._source_of(name))
            for name in self.verdicts
        ]
        names = dict.fromkeys([*self.files, *self.micrographs])  # what is in view is in both
        order = {name: at for at, name in enumerate(names)}
        joined = [self._inside(item) for item in join(with_labels, with_verdicts, self.box_size_px)]
        kept = [item for item in joined if item.labels.can_teach]
        return sorted(kept, key=lambda item: order.get(item.name, len(order)))

    def micrograph_of(self, item: LabelledMicrograph) -> Micrograph:
        """The image of an item of this, or of a model's training set; reads its file.

        Raises
        ------
        InputError
            It is neither open nor can its file be read.
        """
        if item.name in self.micrographs:
            return self.micrographs[item.name]
        path = self.files.get(item.name) or item.file() or item.source
        if path is None:
            raise InputError(f"the model was trained on {item.name}: open that micrograph too")
        pixel_size = self.pixel_size if item.name in self.files else None
        return replace(read_micrograph(path, pixel_size), name=item.name)

    def inherited_by(self, model: Model) -> tuple[LabelledMicrograph, ...]:
        """What the model, or the one that it was trained from, had learnt before it came here."""
        if self.began_here:
            return ()
        return model.training_set if model.inherited is None else model.inherited

    def without(self, model: Model) -> Model:
        """The model without those of its training set of which the session knows better.

        That is whatever has labels, or is excluded. Of what is open only what is inherited counts,
        since labels and verdicts may have been taken back since; it is left out at a place that a
        pick was moved from.
        """
        left_out = self.labels.keys() | self.excluded
        open_names = self.files.keys() | self.micrographs.keys()
        learnt = {item.name: item for item in model.training_set}
        inherited = {item.name: item for item in self.inherited_by(model)}
        kept = [
            (inherited if name in open_names else learnt).get(name)
            for name in {**learnt, **inherited}
            if name not in left_out
        ]
        training_set = [replace(each, labels=self._without_settled(each)) for each in kept if each]
        return replace(model, training_set=tuple(training_set))

    def _without_settled(self, item: LabelledMicrograph) -> Labels:
        settled_yx = self.settled.get(item.name, NO_LABELS.unsure_yx)
        reach_px = SAME_PARTICLE_BOXES * self.box_size_px
        return clear_of(item.labels, settled_yx, reach_px)

    def _inside(self, item: LabelledMicrograph) -> LabelledMicrograph:
        if item.name in self.micrographs:
            shape = self.micrographs[item.name].shape
        elif item.name in self.files:
            shape = read_shape(self.files[item.name])
        else:
            return item
        inside = LabelledImage(item.name, item.labels.inside(shape))
        return replace(item, labels=inside.usable(self.box_size_px))

    def _labels_of_verdicts(self, name: str) -> Labels:
        verdicts = self.verdicts[name]
        picks = self.picks.get(name)
        unsure = [verdicts.unsure_yx] if picks is None else [verdicts.unsure_yx, picks.centres_yx]
        return labels_of_verdicts(
            np.concatenate(unsure),
            verdicts.positive_yx,
            verdicts.negative_yx,
            box_size_px=self.box_size_px,
        )

    def _source_of(self, name: str) -> Path | None:
        micrograph = self.micrographs.get(name)
        return self.files.get(name) if micrograph is None else micrograph.source
