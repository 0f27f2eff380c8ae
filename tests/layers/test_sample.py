import numpy as np
from napari.layers import Layer

from napari_deepem.core.simulation import SAMPLE_BOX_PX
from napari_deepem.layers.micrographs import is_micrograph
from napari_deepem.layers.sample import labelled_sample
from napari_deepem.layers.tags import micrograph_name_of, role_of


def test_sample_has_three_micrographs_and_labels_on_two() -> None:
    layers = [Layer.create(*data) for data in labelled_sample()]
    images = [layer for layer in layers if is_micrograph(layer)]
    labels = [layer for layer in layers if role_of(layer) == "positive"]
    assert len({image.name for image in images}) == 3
    assert [micrograph_name_of(layer) for layer in labels] == [image.name for image in images[:2]]
    for image, layer in zip(images, labels, strict=False):
        assert len(layer.data) > 10
        assert np.all(layer.size == SAMPLE_BOX_PX)
        np.testing.assert_allclose(layer.scale, image.scale)
        assert layer.units == image.units
