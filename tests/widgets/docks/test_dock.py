"""What all docks have in common."""

import subprocess
import sys

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_deepem.controllers.viewer_link import session_of
from napari_deepem.core.types import Micrograph
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.session.readiness import LOADING
from napari_deepem.widgets.docks.annotate import Annotate
from napari_deepem.widgets.docks.export import Export
from napari_deepem.widgets.docks.micrographs import Micrographs
from napari_deepem.widgets.docks.pick import Pick
from napari_deepem.widgets.docks.review import Review
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


def test_docks_say_that_the_model_is_being_loaded_and_not_that_there_is_none() -> None:
    viewer = ViewerModel()
    image, arguments, _ = image_layer_data(Micrograph(np.zeros((60, 90), np.float32), "m1", 2.0))
    viewer.add_image(image, **arguments)
    session = session_of(viewer)
    session.box_size_px = 40
    pick, review, export = (dock(viewer) for dock in (Pick, Review, Export))
    annotate, train, micrographs = (dock(viewer) for dock in (Annotate, Train, Micrographs))
    controls = (
        *(pick.score, pick.score_all, pick.by_score.slider, pick.by_score.use_optimum),
        *(pick.model_range, pick.min_distance, review.suggest, export.save, export.copy_to_layer),
        *(annotate.proposals.propose, train.continue_training, train.save, micrographs.pick_all),
    )
    texts = {control: control.tooltip for control in controls}
    session.models_to_come = 1
    assert {control.tooltip for control in controls} == {LOADING}
    assert not any(control.enabled for control in controls)
    assert pick.status.value == export.status.value == LOADING
    assert review._empty.text() == LOADING
    session.models_to_come = 0
    assert {control: control.tooltip for control in controls} == texts
    assert LOADING not in (pick.status.value, export.status.value, review._empty.text())
