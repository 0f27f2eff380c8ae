"""What all docks have in common."""

import subprocess
import sys

import pytest
from napari.components import ViewerModel

from napari_deepem.widgets.docks.annotate import Annotate
from napari_deepem.widgets.docks.export import Export
from napari_deepem.widgets.docks.pick import Pick
from napari_deepem.widgets.docks.train import Train

pytestmark = pytest.mark.usefixtures("qapp")


def test_opening_docks_does_not_load_torch() -> None:
    code = (
        "import sys\n"
        "from napari.components import ViewerModel\n"
        "from qtpy.QtWidgets import QApplication\n"
        "from napari_deepem.widgets.docks import annotate, export, pick, train\n"
        "app, viewer = QApplication([]), ViewerModel()\n"
        "docks = annotate.Annotate(viewer), train.Train(viewer), pick.Pick(viewer), "
        "export.Export(viewer)\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False"], done.stderr


def test_empty_viewer_says_what_to_open() -> None:
    viewer = ViewerModel()
    annotate, train, pick, export = (dock(viewer) for dock in (Annotate, Train, Pick, Export))
    assert not annotate.tools["positive"].enabled
    assert "Open a micrograph" in annotate.tools["positive"].tooltip
    assert "Open Sample" in annotate.tools["positive"].tooltip
    assert not train.train.enabled
    assert train.train.tooltip == train.status.value
    assert "Open a micrograph" in train.status.value
    assert not pick.score.enabled
    assert "Open a micrograph" in pick.status.value
    assert not export.save.enabled
    assert "score a micrograph" in export.status.value
