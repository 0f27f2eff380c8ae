from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import safe_open

from napari_deepem.io.tensor_files import tensor_bytes

METADATA = {name: f'{{"{name}": "\u00b5"}}' for name in ("model", "format", "version", "training")}


def test_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    """Item 4: the library shuffles the metadata, so that a second run would differ."""
    tensors = {name: np.arange(6.0, dtype=np.float32).reshape(2, 3) for name in "cab"}
    contents = {tensor_bytes(tensors, METADATA) for _ in range(20)}
    assert len(contents) == 1
    (tmp_path / "file").write_bytes(contents.pop())
    with safe_open(tmp_path / "file", framework="np") as file:
        assert file.metadata() == METADATA
        for name, values in tensors.items():
            np.testing.assert_array_equal(file.get_tensor(name), values)
