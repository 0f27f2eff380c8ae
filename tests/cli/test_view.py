"""`napari-deepem view`."""

from __future__ import annotations

import pytest

from cli_runs import Refusal


@pytest.mark.parametrize(
    ("folder", "message"),
    [("none", "none: cannot be opened"), ("bare", "no micrographs there")],
)
@pytest.mark.usefixtures("wrong_paths")
def test_folder_that_cannot_be_viewed(refusal: Refusal, folder: str, message: str) -> None:
    assert message in refusal("view", folder)
