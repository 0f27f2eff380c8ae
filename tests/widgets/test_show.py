"""The window that the command line opens."""

from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.model import Model
from napari_deepem.core.network import Architecture, Network
from napari_deepem.io.micrographs import write_mrc
from napari_deepem.io.models import save_model
from napari_deepem.widgets.link import session_of
from napari_deepem.widgets.pick import Pick
from napari_deepem.widgets.show import open_results


@pytest.mark.usefixtures("_plugins")
def test_results_are_opened_scored_with_the_pick_dock_in_front(
    make_napari_viewer, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / "m1.mrc", tmp_path / "m2.mrc"]
    for path in paths:
        write_mrc(path, rng.normal(size=(80, 120)).astype(np.float32), 2.0)
    network = Network(Architecture.for_box(24)).eval()
    model = Model(network, "modern", 24, 1, 2.0, threshold=0.4, std_range=(0.0, 5.0))
    monkeypatch.setattr(
        "napari_deepem.widgets.show.napari.Viewer",
        lambda **options: make_napari_viewer(show=True, **options),
    )
    viewer = open_results(paths, save_model(model, tmp_path / "model"))
    session = session_of(viewer)
    qtbot.waitUntil(lambda: len(session.scored) == 2, timeout=60_000)
    assert list(session.scored) == ["m1", "m2"]
    assert session.threshold == pytest.approx(0.4)
    (pick,) = (dock for dock in viewer.window.dock_widgets.values() if isinstance(dock, Pick))
    qtbot.waitUntil(lambda: not pick.native.visibleRegion().isEmpty())
