"""What is said of a training that is over."""

from typing import Any

import pytest

from napari_deepem.controllers.training import _choice_of
from napari_deepem.widgets.docks.training_texts import summary_of
from series import some_model


def of_stopped(n_epochs: int, n_labels: int) -> dict[str, Any]:
    epochs = [{"epoch": 1 + done, "loss": 0.5} for done in range(n_epochs)]
    return {"curve": epochs, "stopped": {"epochs": 3, "kept_epoch": 1, "n_labels": n_labels}}


@pytest.mark.parametrize(
    ("n_epochs", "n_labels", "said"),
    [
        (2, 7, ", the best of 2 epochs kept, with a quick threshold (by 7 labelled particles)"),
        (1, 1, ", the best of 1 epoch kept, with a quick threshold (by 1 labelled particle)"),
        (1, 0, ", the best of 1 epoch kept"),
        (3, 7, ", with a quick threshold (by 7 labelled particles)"),  # the last one's, and whole
    ],
)
def test_what_was_kept_of_a_training_that_was_stopped_is_said(
    n_epochs: int, n_labels: int, said: str
) -> None:
    assert _choice_of(of_stopped(n_epochs, n_labels)) == said


def test_model_is_described_by_what_there_is_one_of() -> None:
    model = some_model()
    model.summary.update(of_stopped(1, 1))
    assert ", 1 epoch, " in summary_of(model)
    assert summary_of(model).endswith("by 1 labelled particle (stopped)")
