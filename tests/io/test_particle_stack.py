from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.io.particle_stack import particle_stack

IMAGES = np.random.default_rng(0).normal(30_000, 5, (5, 12, 12)).astype(np.float32)


def write(path: Path, pixel_size: float | None = 3.0, stop: BaseException | None = None) -> None:
    with particle_stack(path, 12, pixel_size) as stack:
        stack.append(IMAGES[:2])
        if stop is not None:
            raise stop
        stack.append(IMAGES[2:2])
        stack.append(IMAGES[2:])
        assert stack.n_images == 5


@pytest.mark.parametrize("pixel_size", [3.0, None])
def test_stack_is_valid_and_holds_the_images(tmp_path: Path, pixel_size: float | None) -> None:
    write(tmp_path / "p.mrcs", pixel_size)
    assert mrcfile.validate(tmp_path / "p.mrcs")
    with mrcfile.open(tmp_path / "p.mrcs") as stack:
        np.testing.assert_array_equal(stack.data, IMAGES)
        assert stack.is_image_stack()
        assert stack.voxel_size.tolist() == ((pixel_size or 0),) * 3
        assert (stack.header.ispg, stack.header.mode, stack.header.mz) == (0, 2, 1)
        assert (stack.header.dmin, stack.header.dmax) == (IMAGES.min(), IMAGES.max())
        assert stack.header.dmean == pytest.approx(IMAGES.mean(dtype=np.float64), rel=1e-6)
        assert stack.header.rms == pytest.approx(IMAGES.std(dtype=np.float64), rel=1e-6)


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), InputError("stopped")])
def test_nothing_is_half_written_or_lost(tmp_path: Path, stop: BaseException) -> None:
    write(tmp_path / "p.mrcs")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(type(stop)):
        write(tmp_path / "p.mrcs", stop=stop)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
