from dataclasses import asdict, replace
from pathlib import Path

import pytest

from napari_deepem.io.session_file import SessionFile, Stored
from napari_deepem.io.session_places import SESSION_FILE
from napari_deepem.session.training_rounds import ap_of_boxes, round_of
from series import some_model


@pytest.mark.parametrize("labelled", [0, 4])
@pytest.mark.parametrize("particles", [1, 10**9])
def test_round_of_any_model_that_can_be_read_can_be_read_again(
    tmp_path: Path, labelled: int, particles: int
) -> None:
    """B.2, B.3: a session is refused whole for a round of another range."""
    part = {"micrograph": "m1", "particles": particles, "negatives": particles}
    summary = {
        "labelled": labelled,
        "trained_on": [part] * 5,
        "curve": [{"held_out_ap": 1.0000000000000002}],
    }
    file = SessionFile(tmp_path / SESSION_FILE)
    file.write(
        Stored({"rounds": [asdict(round_of(replace(some_model(), summary=summary), "file", 1))]})
    )
    (kept,) = file.read().settings["rounds"]
    file.close()
    assert (kept["particles"], kept["on_border"]) == (5 * particles, 0)


def test_average_precision_of_a_round_is_that_of_the_network_that_was_kept() -> None:
    summary = {"curve": [{"held_out_ap": 0.9}, {"held_out_ap": 0.8}]}
    assert ap_of_boxes(summary) == 0.8
    assert ap_of_boxes(summary | {"stopped": {"kept_epoch": 1}}) == 0.9
    assert ap_of_boxes(summary | {"ap_kept": 0.95}) == 0.95  # its weights are of no epoch
    assert ap_of_boxes({}) is None
