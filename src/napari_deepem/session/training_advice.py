"""Advice on what would make the next training better; it can start all the same."""

from __future__ import annotations

from napari_deepem.core.network.model import Model
from napari_deepem.core.training.label_advice import LabelledImage, label_advice, model_advice
from napari_deepem.core.training.starts import started_from
from napari_deepem.core.types import Labels
from napari_deepem.session.state import Session


def training_advice(session: Session) -> list[str]:
    """The sentences of `label_advice` on a session's labels, verdicts and box."""
    images = [
        _image_of(session, name, labels)
        for labelled in (session.labelled(), session.with_verdicts())
        for name, labels in labelled.items()
    ]
    return label_advice(images, session.box_size_px, session.suggested_box_px)


def _image_of(session: Session, name: str, labels: Labels) -> LabelledImage:
    """A micrograph and those of its labels that count."""
    if name not in session.headers:
        return LabelledImage(name, labels)
    shape, pixel_size = session.headers[name]
    return LabelledImage(name, labels.inside(shape), shape, pixel_size)


def start_of(model: Model) -> str:
    """The words for what a model's training started from; empty where it does not say."""
    return started_from(model.summary)


def advice_on_model(session: Session) -> list[str]:
    """The sentences of `model_advice` on a session's model; empty without one."""
    return [] if session.model is None else model_advice(session.model.summary)
