"""Undo and redo of verdicts on picks: they have the shape of labels, so they share its history."""

from __future__ import annotations

from typing import Protocol

from napari_deepem.core.types import Labels


class Reviewed(Protocol):
    """What has verdicts: the session, as far as it matters here."""

    review: dict[str, Labels]
    current: str | None


class AsLabels:
    """Shows the verdicts of a session to a `History` as the labels that it follows."""

    def __init__(self, session: Reviewed) -> None:
        self._session = session

    @property
    def labels(self) -> dict[str, Labels]:
        """Accepted ones are positive, rejected ones negative."""
        return self._session.review

    @labels.setter
    def labels(self, labels: dict[str, Labels]) -> None:
        self._session.review = labels

    @property
    def current(self) -> str | None:
        """The current micrograph."""
        return self._session.current

    @current.setter
    def current(self, name: str | None) -> None:
        self._session.current = name
