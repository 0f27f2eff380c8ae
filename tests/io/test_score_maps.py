import json
import os
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
from napari_deepem.io.session_places import home_of


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
    write_score_map(path, ScoreMap(grid, grid, 3.5, 8.0, 64), (1000, 5, 7))
    assert read_score_map(path, (1000, 5, 7)) is not None
    assert read_score_map(path, (1000, 6, 7)) is None
    assert read_score_map(path, (1001, 5, 7)) is None


def test_scores_lie_beside_their_file_under_its_whole_name(path: Path, tmp_path: Path) -> None:
    grid = np.ones((3, 4), dtype=np.float32)
    write_score_map(path, ScoreMap(grid, grid, 3.5, 8.0, 64), (1000, 5, 7))
    assert path == tmp_path / CACHE / "0123" / "m1.mrc.gz.safetensors"
    assert read_cached(tmp_path / "m1.mrc.gz", "0123", (1000, 5, 7)) is not None
    assert read_cached(tmp_path / "m1.mrc", "0123") is None
    assert read_cached(tmp_path / "m1.mrc.gz", "0124") is None


def test_scores_at_home_are_found_wherever_the_folder_may_be_written_by_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    file = tmp_path / "data" / "m1.mrc"
    file.parent.mkdir()
    grid = np.ones((3, 4), dtype=np.float32)
    at_home = cached_path(home_of(file.parent), "0123", file)
    write_score_map(at_home, ScoreMap(grid, grid, 3.5, 8.0, 64), (1000, 5, 7))
    assert read_cached(file, "0123", (1000, 5, 7)) is not None


def test_what_is_not_there_or_something_else_counts_as_nothing(path: Path) -> None:
    assert read_score_map(path) is None
    path.parent.mkdir(parents=True)
    for content in (b"", b"PK\x03\x04 broken", b"\xff" * 200):
        path.write_bytes(content)
        assert read_score_map(path) is None
    np.save(path.open("wb"), np.ones((3, 4)))
    assert read_score_map(path) is None
    path.unlink()
    path.mkdir()
    assert read_score_map(path) is None


def test_map_with_a_damaged_byte_or_cut_short_counts_as_nothing(path: Path) -> None:
    grid = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    write_score_map(path, ScoreMap(grid, grid, 3.5, 8.0, 64, (80, 100)), (1000, 5, 7))
    content = path.read_bytes()
    whole = read_score_map(path, (1000, 5, 7))
    assert whole is not None
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        back = read_score_map(path, (1000, 5, 7))
        if back is not None:  # a byte that says nothing of the scores, such as a space
            np.testing.assert_array_equal(back.scores, whole.scores)
            np.testing.assert_array_equal(back.stds, whole.stds)
            for name in ("origin_px", "step_px", "box_size_px", "shape", "smoothing"):
                assert getattr(back, name) == getattr(whole, name)
        path.write_bytes(content[:place])
        assert read_score_map(path, (1000, 5, 7)) is None


@pytest.mark.parametrize(
    ("changed", "to"),
    [
        ("origin_px", None),
        ("step_px", "8"),
        ("step_px", float("inf")),
        ("smoothing", [1]),
        ("box_size_px", 10**400),
        ("box_size_px", float("inf")),
        ("shape", [80]),
        ("shape", 80),
        ("shape", [0, 100]),
        ("shape", [8, 8]),  # which so many boxes do not fit
        ("step_px", 0),
        ("step_px", 1e9),
        ("smoothing", 1e6),
        ("surprise", 1),
        ("stamp", None),
    ],
)
def test_map_of_another_make_counts_as_nothing(
    path: Path, changed: str, to: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = np.ones((30, 40), dtype=np.float32)
    dumps = json.dumps

    def changing(values: dict[str, object], **options: object) -> str:
        return dumps(values | {changed: to} if "step_px" in values else values, **options)

    monkeypatch.setattr(json, "dumps", changing)
    write_score_map(path, ScoreMap(grid, grid, 3.5, 8.0, 64, (240, 320)), (1000, 5, 7))
    assert read_score_map(path, (1000, 5, 7)) is None


def test_grids_that_differ_in_shape_or_type_count_as_nothing(path: Path) -> None:
    grid = np.ones((3, 4), dtype=np.float32)
    for stds in (np.ones((3, 3), dtype=np.float32), np.ones((3, 4)), np.ones(12, dtype=np.float32)):
        write_score_map(path, ScoreMap(grid, stds, 3.5, 8.0, 64))
        assert read_score_map(path) is None


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -0.1])
def test_grids_of_no_scores_count_as_nothing(path: Path, wrong: float) -> None:
    """B.4"""
    grid, spoilt = np.ones((2, 3, 4), dtype=np.float32)
    spoilt[1, 2] = wrong
    for scores, stds in ((spoilt, grid), (grid, spoilt)):
        write_score_map(path, ScoreMap(scores, stds, 3.5, 8.0, 64))
        assert read_score_map(path) is None


def test_file_out_of_proportion_or_none_counts_as_nothing(path: Path) -> None:
    """B.4"""
    grid = np.ones((3, 4), dtype=np.float32)
    write_score_map(path, ScoreMap(grid, grid, 3.5, 8.0, 64))
    whole = path.read_bytes()
    path.write_bytes((8 * 2**40).to_bytes(8, "little") + whole[8:])
    assert read_score_map(path) is None
    path.write_bytes(whole.replace(b'"shape":[3,4]', b'"shape":[9,9]'))
    assert read_score_map(path) is None
    path.unlink()
    path.with_suffix(".npz").write_bytes(b"of an older version")
    assert read_score_map(path) is None
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        assert read_score_map(path) is None


def test_home_of_a_folder_is_one_whatever_it_is_called(tmp_path: Path) -> None:
    """B.4"""
    assert home_of(tmp_path / "a" / ".." / "b") == home_of(tmp_path / "b")
    assert home_of(tmp_path / "a") != home_of(tmp_path / "b")
