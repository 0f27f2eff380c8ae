from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.types import ScoreMap
from napari_deepem.io.score_maps import (
    CACHE,
    cached_path,
    read_cached,
    read_score_map,
    write_score_map,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return cached_path(tmp_path, "0123", tmp_path / "m1.mrc.gz")


def test_score_map_comes_back_to_the_last_bit_in_its_place(path: Path) -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(size=(7, 9)).astype(np.float32)
    kept = ScoreMap(scores, 3 * scores, 3.5, 8.0, 64, (80, 100), 0.1)
    write_score_map(path, kept)
    back = read_score_map(path)
    assert back is not None
    assert back.scores.dtype == back.stds.dtype == np.float32
    np.testing.assert_array_equal(back.scores, scores)
    np.testing.assert_array_equal(back.stds, 3 * scores)
    for name in ("origin_px", "step_px", "box_size_px", "shape", "smoothing"):
        assert getattr(back, name) == getattr(kept, name)


def test_score_map_of_another_file_counts_as_nothing(path: Path) -> None:
    grid = np.ones((3, 4), dtype=np.float32)
    write_score_map(path, ScoreMap(grid, grid, 3.5, 8.0, 64), (1000, 5))
    assert read_score_map(path, (1000, 5)) is not None
    assert read_score_map(path, (1000, 6)) is None
    assert read_score_map(path, (1001, 5)) is None


def test_scores_lie_beside_their_file_under_its_whole_name(path: Path, tmp_path: Path) -> None:
    grid = np.ones((3, 4), dtype=np.float32)
    write_score_map(path, ScoreMap(grid, grid, 3.5, 8.0, 64), (1000, 5))
    assert path == tmp_path / CACHE / "0123" / "m1.mrc.gz.npz"
    assert read_cached(tmp_path / "m1.mrc.gz", "0123", (1000, 5)) is not None
    assert read_cached(tmp_path / "m1.mrc", "0123") is None
    assert read_cached(tmp_path / "m1.mrc.gz", "0124") is None


def test_what_is_not_there_or_damaged_counts_as_nothing(path: Path) -> None:
    assert read_score_map(path) is None
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert read_score_map(path) is None
    path.write_bytes(b"PK\x03\x04 broken")
    assert read_score_map(path) is None
