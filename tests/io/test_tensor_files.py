from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError, safe_open

from napari_deepem.io.tensor_files import read_metadata, tensor_bytes

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


def test_metadata_is_read_without_the_tensors_of_a_whole_file_alone(tmp_path: Path) -> None:
    content = tensor_bytes({"a": np.arange(6.0, dtype=np.float32)}, METADATA)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read_metadata(path, 10_000) == METADATA
    for damaged in (b"", content[:7], content[:60], content[:-1], content + b"\0", b"\2" * 400):
        path.write_bytes(damaged)
        with pytest.raises(SafetensorError):
            read_metadata(path, 10_000)
    path.write_bytes(content)
    with pytest.raises(SafetensorError, match="a header of"):
        read_metadata(path, 10)
