"""No file is scored twice by the same model at the same step, and none but as it is now."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.batch.scorer import Scorer, Scores
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import TilesDone, finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.picking import scoring
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.io import session_places
from napari_deepem.io.images import read_micrograph, write_image
from napari_deepem.io.score_maps import CACHE
from napari_deepem.io.session_places import home_of
from networks import lively_model, lively_network

MODEL = lively_model(BOX_PX)
OWN_STEP_PX = 2  # of this model's network
KEEPS = Scorer(MODEL, keeps=True)


def scored_once(folder: Path, scorer: Scorer = KEEPS, name: str = "blobs_1") -> tuple[Path, Scores]:
    """A file in a folder, and its scores."""
    micrograph, _ = blob_micrograph(1)
    path = folder / f"{name}.mrc"
    write_image(path, micrograph.image, 2.0)
    return path, scores_of(scorer, path)


def scores_of(scorer: Scorer, path: Path) -> Scores:
    return finish(scorer.scores_of(scorer.source_of(path)))


def test_kept_scores_are_taken_to_the_last_bit(tmp_path: Path, scorings: list[str]) -> None:
    path, made = scored_once(tmp_path)
    tiles = KEEPS.scores_of(KEEPS.source_of(path))
    assert next(tiles) == TilesDone(1, 1)
    taken = finish(tiles)
    assert scorings == ["blobs_1"]
    assert taken.source.micrograph is None  # nothing had to be read
    assert (taken.source.name, taken.source.pixel_size) == ("blobs_1", 2.0)
    expected = scoring.score(read_micrograph(path), MODEL)
    for scores in (made, taken):
        for field in ("scores", "stds"):
            kept, fresh = getattr(scores.score_map, field), getattr(expected, field)
            assert kept.dtype == fresh.dtype
            np.testing.assert_array_equal(kept, fresh)
        for field in ("origin_px", "step_px", "box_size_px", "shape", "smoothing"):
            assert getattr(scores.score_map, field) == getattr(expected, field)
        found = find_candidates(expected)
        np.testing.assert_array_equal(scores.candidates.centres_yx, found.centres_yx)
        np.testing.assert_array_equal(scores.candidates.scores, found.scores)


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path: Path, scorings: list[str]) -> None:
    path, _ = scored_once(tmp_path, Scorer(MODEL))
    assert list(tmp_path.iterdir()) == [path]
    scores_of(Scorer(MODEL), path)
    assert scorings == ["blobs_1", "blobs_1"]


def test_file_that_was_changed_since_is_scored_anew(tmp_path: Path, scorings: list[str]) -> None:
    path, before = scored_once(tmp_path)
    write_image(path, blob_micrograph(2)[0].image, 2.0)
    os.utime(path, ns=(1, 1))  # another time, whatever a file system's clock
    after = scores_of(KEEPS, path)
    assert scorings == ["blobs_1", "blobs_1"]
    assert not np.array_equal(after.score_map.scores, before.score_map.scores)
    scores_of(KEEPS, path)
    assert len(scorings) == 2


def test_another_model_or_step_scores_anew_and_leaves_the_others(
    tmp_path: Path, scorings: list[str]
) -> None:
    path, _ = scored_once(tmp_path)
    other = replace(MODEL, network=lively_network(Architecture.for_box(BOX_PX), seed=1))
    for scorer in (Scorer(other, keeps=True), Scorer(MODEL, step_px=5, keeps=True)):
        seen = len(scorings)
        assert scores_of(scorer, path).score_map.step_px == (scorer.step_px or OWN_STEP_PX)
        assert len(scorings) == seen + 1
    for scorer in (KEEPS, Scorer(MODEL, step_px=5), Scorer(other)):
        assert scores_of(scorer, path).source.kept is not None
    assert len(scorings) == 3


def test_own_step_is_the_same_named_or_not(tmp_path: Path, scorings: list[str]) -> None:
    path, made = scored_once(tmp_path)
    assert made.score_map.step_px == OWN_STEP_PX
    scores_of(Scorer(MODEL, step_px=OWN_STEP_PX), path)
    assert len(scorings) == 1


def test_models_that_differ_in_their_threshold_alone_score_the_same(
    tmp_path: Path, scorings: list[str]
) -> None:
    path, _ = scored_once(tmp_path)
    scores_of(Scorer(replace(MODEL, threshold=0.1, std_range=(0.0, 9.0))), path)
    assert len(scorings) == 1


def test_pixels_in_memory_are_scored_where_they_are_not_the_files(
    tmp_path: Path, scorings: list[str]
) -> None:
    path, _ = scored_once(tmp_path)
    as_in_file = replace(read_micrograph(path), name="mine")
    taken = finish(KEEPS.scores_of(KEEPS.source_of(path, as_in_file)))
    assert (taken.source.name, taken.source.micrograph) == ("mine", as_in_file)
    assert len(scorings) == 1
    changed = replace(as_in_file, image=-as_in_file.image)
    made = finish(KEEPS.scores_of(KEEPS.source_of(path, changed)))
    assert scorings == ["blobs_1", "mine"]
    assert not np.array_equal(made.score_map.scores, taken.score_map.scores)
    np.testing.assert_array_equal(  # and what was kept of the file stays
        scores_of(KEEPS, path).score_map.scores, taken.score_map.scores
    )


def test_pixels_in_memory_are_kept_where_they_are_the_files(
    tmp_path: Path, scorings: list[str]
) -> None:
    path, _ = scored_once(tmp_path, Scorer(MODEL))
    finish(KEEPS.scores_of(KEEPS.source_of(path, read_micrograph(path))))
    scores_of(KEEPS, path)
    assert len(scorings) == 2


def test_nothing_is_kept_of_what_is_no_file(scorings: list[str]) -> None:
    micrograph, _ = blob_micrograph(1)
    for _ in range(2):
        scores = finish(KEEPS.scores_of(KEEPS.source_of(None, micrograph)))
    assert scores.source.micrograph is micrograph
    assert scorings == ["blobs_1", "blobs_1"]


def test_micrograph_without_pixels_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="m1 was closed: open it again"):
        KEEPS.source_of(None, name="m1")
    path, _ = scored_once(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="blobs_1"):  # though there are scores
        KEEPS.source_of(path)


def test_damaged_scores_count_as_none(tmp_path: Path, scorings: list[str]) -> None:
    path, _ = scored_once(tmp_path)
    (kept,) = (tmp_path / CACHE).rglob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:200])
    scores_of(KEEPS, path)
    assert len(scorings) == 2


def test_scores_move_with_their_folder(tmp_path: Path, scorings: list[str]) -> None:
    (tmp_path / "here").mkdir()
    path, _ = scored_once(tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    scores_of(Scorer(MODEL), tmp_path / "there" / path.name)
    assert len(scorings) == 1


def test_scores_are_kept_at_home_where_nothing_can_be_written_beside_the_files(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    scorings: list[str],
) -> None:
    home, writable, access = (
        tmp_path_factory.mktemp("home"),
        session_places.writable_folder,
        os.access,
    )

    def refuse(path: Path) -> Path:
        if path == tmp_path:
            raise InputError("no permission")
        return writable(path)

    path, _ = scored_once(tmp_path, Scorer(MODEL))
    monkeypatch.setattr(session_places, "writable_folder", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path and access(path, mode))
    monkeypatch.setattr(Path, "home", lambda: home)
    scores_of(KEEPS, path)
    assert list(tmp_path.iterdir()) == [path]
    assert len(list((home_of(tmp_path) / CACHE).rglob("*.safetensors"))) == 1
    scores_of(Scorer(MODEL), path)
    assert len(scorings) == 2


def test_file_that_is_prepared_ahead_has_the_same_scores_and_no_pixels(tmp_path: Path) -> None:
    path, made = scored_once(tmp_path, Scorer(MODEL))
    source = Scorer(MODEL).prepared_source_of(path)
    assert source.micrograph is None
    scores = finish(Scorer(MODEL).scores_of(source))
    np.testing.assert_array_equal(scores.score_map.scores, made.score_map.scores)
    np.testing.assert_array_equal(scores.score_map.stds, made.score_map.stds)
    assert scores.score_map.shape == made.score_map.shape


def test_scores_of_what_is_prepared_ahead_are_kept(tmp_path: Path, scorings: list[str]) -> None:
    path, _ = scored_once(tmp_path)
    finish(KEEPS.scores_of(KEEPS.prepared_source_of(path)))
    assert KEEPS.prepared_source_of(path).kept is not None
    assert scorings == ["blobs_1"]
