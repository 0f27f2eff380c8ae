"""Micrographs are picked as they arrive, complete ones alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.batch import watch
from napari_deepem.batch.pick import PickSettings, pick_files
from napari_deepem.batch.watch import Waiting, Watch, watch_files
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.io.coordinates import coordinate_names
from napari_deepem.io.images import write_image
from networks import lively_model

MODEL = lively_model(BOX_PX)
SETTINGS = PickSettings(PickCriteria.of_model(MODEL), ("star", "particles"))


def arrive(folder: Path, seed: int) -> Path:
    micrograph, _ = blob_micrograph(seed)
    write_image(folder / f"{micrograph.name}.mrc", micrograph.image, 2.0)
    return folder / f"{micrograph.name}.mrc"


@pytest.fixture
def arriving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a watch whose looks follow on each other at once."""
    monkeypatch.setattr(watch, "sleep", lambda _: None)
    folder = tmp_path / "arriving"
    folder.mkdir()
    return folder


def look(job) -> list[str | int]:
    """The names of what is picked until the watch waits again, and how many files still grow."""
    news = []
    for each in job:
        if isinstance(each, Waiting):
            return [*news, each.n_arriving]
        news.append(each.name)
    return news


def watching(arriving: Path, idle_s: float | None = None):
    def find() -> list[Path]:
        return sorted(arriving.glob("*.mrc"))

    return watch_files(find, MODEL, arriving.parent / "picks", SETTINGS, Watch(0.0, idle_s))


def test_micrograph_is_picked_once_it_has_stopped_growing(arriving: Path) -> None:
    job = watching(arriving)
    assert look(job) == [0]
    path = arrive(arriving, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:5000])
    assert look(job) == [1]
    path.write_bytes(whole)
    assert look(job) == [1]
    assert look(job) == ["blobs_1", 0]
    assert look(job) == [0]
    job.close()


def test_files_for_all_micrographs_are_up_to_date_after_each_look(arriving: Path) -> None:
    job, picks = watching(arriving), arriving.parent / "picks"
    for seed in (1, 2):
        arrive(arriving, seed)
        look(job)
        look(job)
        names = [f"blobs_{number}" for number in range(1, seed + 1)]
        assert coordinate_names(picks / "particles.star") == names
    job.close()


def test_failed_micrograph_is_tried_again_once_it_has_changed(arriving: Path) -> None:
    path = arrive(arriving, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:5000])
    job = watching(arriving)
    look(job)
    assert look(job) == ["blobs_1", 0]
    assert look(job) == [0]
    path.write_bytes(whole)
    look(job)
    assert look(job) == ["blobs_1", 0]
    assert (arriving.parent / "picks" / "blobs_1.star").is_file()
    job.close()


def test_watch_that_goes_on_picks_what_is_new_and_leaves_what_a_run_leaves(
    arriving: Path, scorings: list[str]
) -> None:
    arrive(arriving, 1)
    job = watching(arriving)
    look(job)
    look(job)
    job.close()
    arrive(arriving, 2)
    job = watching(arriving)
    look(job)
    assert look(job) == ["blobs_1", "blobs_2", 0]
    assert scorings == ["blobs_1", "blobs_2"]
    whole = arriving.parent / "whole"
    finish(pick_files(sorted(arriving.glob("*.mrc")), MODEL, whole, SETTINGS))
    for path in whole.glob("*.star"):
        assert (arriving.parent / "picks" / path.name).read_bytes() == path.read_bytes()


def test_score_maps_are_not_written_where_they_would_arrive_as_micrographs(arriving: Path) -> None:
    arrive(arriving, 1)
    settings = replace(SETTINGS, score_maps=True)
    job = watch_files(lambda: sorted(arriving.glob("*.mrc")), MODEL, arriving, settings, Watch(0.0))
    with pytest.raises(InputError, match="score maps would be taken the next time"):
        finish(job)
    assert [path.name for path in arriving.iterdir()] == ["blobs_1.mrc"]


def test_watch_ends_when_nothing_has_arrived_for_a_while(arriving: Path) -> None:
    arrive(arriving, 1)
    series = finish(watching(arriving, idle_s=0.2))
    assert (series.over, series.problems) == (1, {})
