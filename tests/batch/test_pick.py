from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from learnt_scores import summary_of
from napari_deepem.batch import pick
from napari_deepem.batch.pick import (
    PickSettings,
    check_formats,
    pick_files,
)
from napari_deepem.batch.run_manifest import read_run
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import evidence_of
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.io.images import read_micrograph, write_image
from napari_deepem.io.pick_records import RUN, read_record, record_path
from napari_deepem.io.score_maps import CACHE
from networks import lively_model

MODEL = lively_model(BOX_PX)
SETTINGS = PickSettings(PickCriteria.of_model(MODEL))


def written(folder: Path, *seeds: int, pixel_size: float | None = 2.0) -> list[Path]:
    paths = []
    for seed in seeds:
        micrograph, _ = blob_micrograph(seed)
        paths.append(folder / f"{micrograph.name}.mrc")
        write_image(paths[-1], micrograph.image, pixel_size)
    return paths


def test_criteria_of_a_model_are_what_training_found() -> None:
    assert SETTINGS.criteria == PickCriteria(0.6, (0.5, 1.4), min_distance_px=None)
    assert SETTINGS.formats == ("box", "star")


@pytest.mark.parametrize(
    ("given", "names"),
    [(["box"], ("box",)), ([" STAR ", ".csv", ""], ("star", "csv")), (["Box"], ("box",))],
)
def test_formats_are_names_in_any_spelling(given: list[str], names: tuple[str, ...]) -> None:
    assert check_formats(given) == names


@pytest.mark.parametrize("given", [["xyz"], [], [""], ["box", "mrc"]])
def test_formats_that_cannot_be_written_are_refused(given: list[str]) -> None:
    with pytest.raises(InputError, match="choose from star, csv, box"):
        check_formats(given)


def test_picks_are_expected_to_be_right_as_often_as_their_scores_say(tmp_path: Path) -> None:
    mixture = ScoreMixture(Bell(-2.0, 1.0), Bell(2.0, 1.0), share=0.2)
    model = replace(MODEL, summary=summary_of(mixture))
    (done,) = pick_files(written(tmp_path, 1), model, tmp_path / "picks", SETTINGS)
    found = find_candidates(score(blob_micrograph(1)[0], model))
    expected = evidence_of(found, model, SETTINGS.criteria)
    assert done.evidence.n_picks == done.n_picks
    np.testing.assert_allclose(done.evidence.hits, expected.hits)


def test_negatives_are_scored_where_scores_were_kept_too(tmp_path: Path) -> None:
    """D.1: of the first micrographs, whether or not their pixels have to be read for it."""
    mixture = ScoreMixture(Bell(-2.0, 1.0), Bell(2.0, 1.0), share=0.2)
    model = replace(MODEL, summary=summary_of(mixture))
    paths, settings = written(tmp_path, 1, 2, 3), replace(SETTINGS, keep_scores=True)
    first = list(pick_files(paths, model, tmp_path / "a", settings))
    again = list(pick_files(paths, model, tmp_path / "b", settings))
    told = [[done.evidence.on_negative for done in series] for series in (first, again)]
    assert told[0] == told[1]
    assert [hits > 0 for hits in told[0]] == [True, True, False]


def test_every_micrograph_is_reported_with_what_was_written(tmp_path: Path) -> None:
    paths = written(tmp_path, 1, 2)
    out = tmp_path / "new" / "picks"
    news = list(pick_files(paths, MODEL, out, SETTINGS))
    assert [item.name for item in news] == ["blobs_1", "blobs_2"]
    for item in news:
        assert item.written == (out / f"{item.name}.box", out / f"{item.name}.star")
        assert item.remark is None
        for path in item.written:
            assert len(read_coordinates(path)) == item.n_picks


def test_a_format_that_holds_them_gets_candidates_below_the_threshold(tmp_path: Path) -> None:
    (path,) = written(tmp_path, 1)
    high = replace(
        SETTINGS, formats=("cbox", "csv"), criteria=replace(SETTINGS.criteria, threshold=0.9)
    )
    finish(pick_files([path], MODEL, tmp_path / "picks", high))
    boxes = read_coordinates(tmp_path / "picks" / "blobs_1.cbox")
    picks = read_coordinates(tmp_path / "picks" / "blobs_1.csv")
    assert boxes.scores is not None
    assert picks.scores is not None
    assert boxes.scores[: len(picks)].tolist() == picks.scores.tolist()
    assert len(boxes) > len(picks)
    assert (boxes.scores[len(picks) :] < 0.9).all()


def test_files_are_written_as_soon_as_a_micrograph_is_done(tmp_path: Path) -> None:
    job = pick_files(written(tmp_path, 1, 2), MODEL, tmp_path / "picks", SETTINGS)
    next(job)
    job.close()  # stopped here
    names = sorted(contents(tmp_path / "picks"))
    assert names == ["blobs_1.box", "blobs_1.star"]


def test_micrograph_that_cannot_be_used_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    first, second, third = written(tmp_path, 1, 2, 3)
    second.write_bytes(second.read_bytes()[:5000])
    write_image(third, np.random.default_rng(0).normal(size=(20, 60)), 2.0)
    news = list(pick_files([second, third, first], MODEL, tmp_path / "picks", SETTINGS))
    assert [item.n_picks is None for item in news] == [True, True, False]
    assert "cut short" in str(news[0].remark)
    assert "does not fit micrograph blobs_3" in str(news[1].remark)
    assert (news[0].written, news[1].written) == ((), ())
    names = sorted(contents(tmp_path / "picks"))
    assert names == ["blobs_1.box", "blobs_1.star"]


def test_micrograph_without_picks_gets_empty_files(tmp_path: Path) -> None:
    settings = PickSettings(PickCriteria(threshold=1.0), formats=("box", "star", "csv"))
    (news,) = pick_files(written(tmp_path, 1), MODEL, tmp_path / "picks", settings)
    assert [len(read_coordinates(path)) for path in news.written] == [0, 0, 0]


@pytest.mark.parametrize(
    ("pixel_size", "odd"), [(2.0, False), (2.03, False), (None, False), (2.1, True), (4.0, True)]
)
def test_pixel_size_unlike_the_models_is_remarked(
    tmp_path: Path, pixel_size: float | None, odd: bool
) -> None:
    paths = written(tmp_path, 1, pixel_size=pixel_size)
    (news,) = pick_files(paths, MODEL, tmp_path / "picks", SETTINGS)
    assert news.n_picks is not None
    assert ("the model was trained at 2 A/px" in str(news.remark)) == odd


def test_model_of_unknown_pixel_size_takes_every_micrograph(tmp_path: Path) -> None:
    model = replace(MODEL, pixel_size=None)
    (news,) = pick_files(written(tmp_path, 1), model, tmp_path / "picks", SETTINGS)
    assert news.remark is None


def test_folder_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file; choose another folder"):
        next(pick_files([tmp_path / "missing.mrc"], MODEL, tmp_path / "file" / "picks", SETTINGS))


def test_step_between_binned_pixels_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    model = replace(MODEL, box_size_px=3 * BOX_PX, sampling=Sampling(3))
    with pytest.raises(InputError, match="step of 20 px: give 3 px, the model's binning"):
        next(pick_files([tmp_path / "m.mrc"], model, tmp_path, replace(SETTINGS, step_px=20)))


@pytest.mark.parametrize("pixel_size", [2.0, None])
def test_score_map_is_written_with_the_pixel_size_of_its_grid(
    tmp_path: Path, pixel_size: float | None
) -> None:
    paths = written(tmp_path, 1, pixel_size=pixel_size)
    model, settings = replace(MODEL, pixel_size=None), replace(SETTINGS, score_maps=True)
    (done,) = pick_files(paths, model, tmp_path / "picks", settings)
    assert done.written[-1] == tmp_path / "picks" / "blobs_1_scores.mrc"
    score_map = score(read_micrograph(paths[0]), model)
    scores = read_micrograph(done.written[-1])
    np.testing.assert_array_equal(scores.image, score_map.scores)
    expected = None if pixel_size is None else pytest.approx(pixel_size * score_map.step_px)
    assert scores.pixel_size == expected


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_nothing_is_left_beside_the_micrographs_unless_it_is_asked_for(tmp_path: Path) -> None:
    paths = written(tmp_path, 1, 2)
    finish(pick_files(paths, MODEL, tmp_path / "picks", SETTINGS))
    assert sorted(tmp_path.iterdir()) == [*paths, tmp_path / "picks"]
    finish(pick_files(paths, MODEL, tmp_path / "picks", replace(SETTINGS, keep_scores=True)))
    assert sorted(tmp_path.iterdir()) == [*paths, tmp_path / CACHE, tmp_path / "picks"]


def test_picks_of_kept_scores_are_the_same_files_without_scoring(
    tmp_path: Path, scorings: list[str]
) -> None:
    paths = written(tmp_path, 1, 2)
    settings = replace(SETTINGS, score_maps=True, formats=("box", "star", "csv"))
    first = list(pick_files(paths, MODEL, tmp_path / "a", replace(settings, keep_scores=True)))
    assert scorings == ["blobs_1", "blobs_2"]
    again = list(pick_files(paths, MODEL, tmp_path / "b", settings))
    assert scorings == ["blobs_1", "blobs_2"]
    for name, content in contents(tmp_path / "a").items():
        if not name.endswith("_scores.mrc"):  # whose header tells the time
            assert (tmp_path / "b" / name).read_bytes() == content
        else:
            before, after = (read_micrograph(tmp_path / folder / name) for folder in "ab")
            np.testing.assert_array_equal(before.image, after.image)
            assert before.pixel_size == after.pixel_size
    for before, after in zip(first, again, strict=True):
        assert (before.remark, before.evidence) == (after.remark, after.evidence)
        assert len(before.written) == len(after.written) == 4


def test_kept_scores_of_another_pixel_size_are_remarked_too(tmp_path: Path) -> None:
    paths = written(tmp_path, 1, pixel_size=4.0)
    settings = replace(SETTINGS, keep_scores=True)
    remarks = [
        done.remark
        for _ in range(2)
        for done in pick_files(paths, MODEL, tmp_path / "picks", settings)
    ]
    assert remarks[0] == remarks[1]
    assert "blobs_1 has 4 A/px" in str(remarks[1])


def test_other_criteria_pick_from_the_same_scores(tmp_path: Path, scorings: list[str]) -> None:
    paths = written(tmp_path, 1)
    settings = replace(SETTINGS, keep_scores=True)
    (some,) = pick_files(paths, MODEL, tmp_path / "some", settings)
    everything = replace(SETTINGS, criteria=PickCriteria(threshold=0.0))
    (more,) = pick_files(paths, MODEL, tmp_path / "more", everything)
    assert more.n_picks > some.n_picks
    assert scorings == ["blobs_1"]


def test_what_is_missing_of_a_series_is_scored(tmp_path: Path, scorings: list[str]) -> None:
    paths = written(tmp_path, 1, 2)
    settings = replace(SETTINGS, keep_scores=True)
    finish(pick_files(paths[:1], MODEL, tmp_path / "picks", settings))
    finish(pick_files(paths, MODEL, tmp_path / "picks", SETTINGS))
    finish(pick_files(paths[:1], MODEL, tmp_path / "picks", replace(SETTINGS, step_px=5)))
    assert scorings == ["blobs_1", "blobs_2", "blobs_1"]


def test_series_that_was_picked_names_what_could_not_be(tmp_path: Path) -> None:
    first, second = written(tmp_path, 1, 2)
    second.write_bytes(second.read_bytes()[:5000])
    series = finish(pick_files([second, first], MODEL, tmp_path / "picks", SETTINGS))
    assert series.over == 2
    assert list(series.problems) == ["blobs_2"]
    assert "cut short" in series.problems["blobs_2"]


def test_scores_that_cannot_be_kept_are_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> Path:
        raise InputError(f"{folder} can't be written into")

    monkeypatch.setattr(pick, "place_of", refuse)
    settings = replace(SETTINGS, keep_scores=True)
    with pytest.raises(InputError, match="can't be written into"):
        next(pick_files([tmp_path / "missing.mrc"], MODEL, tmp_path / "picks", settings))


def test_scores_that_cannot_be_kept_after_all_cost_no_picks(tmp_path: Path) -> None:
    paths = written(tmp_path, 1)
    (tmp_path / CACHE).write_text("in the way")
    settings = replace(SETTINGS, keep_scores=True)
    (done,) = pick_files(paths, MODEL, tmp_path / "picks", settings)
    (expected,) = pick_files(paths, MODEL, tmp_path / "expected", SETTINGS)
    assert "the scores of blobs_1 are not kept: " in str(done.remark)
    assert [path.read_bytes() for path in done.written] == [
        path.read_bytes() for path in expected.written
    ]


def test_damaged_scores_are_made_anew(tmp_path: Path, scorings: list[str]) -> None:
    paths = written(tmp_path, 1)
    settings = replace(SETTINGS, keep_scores=True)
    (first,) = pick_files(paths, MODEL, tmp_path / "picks", settings)
    (kept,) = (tmp_path / CACHE).rglob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:-7] + b"damaged")
    (again,) = pick_files(paths, MODEL, tmp_path / "again", settings)
    assert scorings == ["blobs_1", "blobs_1"]
    for before, after in zip(first.written, again.written, strict=True):
        assert before.read_bytes() == after.read_bytes()


# Runs that go on


def changes_of(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path, scorings: list[str]) -> None:
    paths, folder = written(tmp_path, 1, 2, 3), tmp_path / "picks"
    job = pick_files(paths, MODEL, folder, SETTINGS)
    next(job)
    job.close()
    before = changes_of(folder)
    scorings.clear()
    news = list(pick_files(paths, MODEL, folder, SETTINGS))
    assert scorings == ["blobs_2", "blobs_3"]
    assert [done.was_done for done in news] == [True, False, False]
    assert changes_of(folder).items() >= before.items()
    finish(pick_files(paths, MODEL, tmp_path / "whole", SETTINGS))
    assert contents(folder) == contents(tmp_path / "whole")
    assert contents(folder / RUN) == contents(tmp_path / "whole" / RUN)


def test_same_command_again_changes_nothing_and_reads_no_pixels(
    tmp_path: Path, scorings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, folder = written(tmp_path, 1, 2), tmp_path / "picks"
    first = list(pick_files(paths, MODEL, folder, SETTINGS))
    before = changes_of(folder)
    monkeypatch.setattr("napari_deepem.batch.scorer.read_micrograph", None)
    again = list(pick_files(paths, MODEL, folder, SETTINGS))
    assert changes_of(folder) == before
    assert [done.n_picks for done in again] == [done.n_picks for done in first]
    assert len(scorings) == 2


def test_other_criteria_pick_from_the_candidates_on_record(
    tmp_path: Path, scorings: list[str]
) -> None:
    paths, folder = written(tmp_path, 1), tmp_path / "picks"
    everything = replace(SETTINGS, criteria=PickCriteria(threshold=0.0), formats=("csv",))
    finish(pick_files(paths, MODEL, folder, SETTINGS))
    finish(pick_files(paths, MODEL, folder, everything))
    assert scorings == ["blobs_1"]
    finish(pick_files(paths, MODEL, tmp_path / "scored", everything))
    assert contents(folder) == contents(tmp_path / "scored")


def test_adaptive_threshold_is_on_record_and_picks_without_scoring(
    tmp_path: Path, scorings: list[str]
) -> None:
    paths, folder = written(tmp_path, 1, 2), tmp_path / "picks"
    few = ScoreMixture(Bell(-2.0, 1.0), Bell(2.0, 1.0), share=0.01)  # there are more than that
    plain = replace(SETTINGS, formats=("csv",))
    adaptive = replace(plain, criteria=replace(plain.criteria, mixture=few))
    finish(pick_files(paths, MODEL, folder, plain))
    before = contents(folder)
    finish(pick_files(paths, MODEL, folder, adaptive))
    assert scorings == ["blobs_1", "blobs_2"]
    for path in paths:
        record, picks = (
            read_record(folder, path.stem),
            read_coordinates(folder / f"{path.stem}.csv"),
        )
        kept = PickCriteria.of_values(record.described.criteria.model_dump())
        assert kept == adaptive.criteria
        assert len(picks) == len(kept.picks_of(record.candidates)) == record.described.n_picks
    assert read_run(folder).criteria == adaptive.criteria
    again = list(pick_files(paths, MODEL, folder, adaptive))
    assert all(done.was_done for done in again)
    finish(pick_files(paths, MODEL, tmp_path / "scored", adaptive))
    assert contents(folder) == contents(tmp_path / "scored") != before
    finish(pick_files(paths, MODEL, folder, plain))
    assert contents(folder) == before


@pytest.mark.parametrize("way", ["missing file", "other pixels", "other model", "overwrite"])
def test_what_is_missing_or_has_changed_is_done_again(
    tmp_path: Path, scorings: list[str], way: str
) -> None:
    paths, folder = written(tmp_path, 1, 2), tmp_path / "picks"
    finish(pick_files(paths, MODEL, folder, SETTINGS))
    model, settings = MODEL, SETTINGS
    scorings.clear()
    if way == "missing file":
        (folder / "blobs_2.box").unlink()
    elif way == "other pixels":
        write_image(paths[1], blob_micrograph(7)[0].image, 2.0)
    elif way == "other model":
        model = replace(MODEL, smoothing=0.1)
    else:
        settings = replace(SETTINGS, overwrite=True)
    finish(pick_files(paths, model, folder, settings))
    expected = {"missing file": [], "other pixels": ["blobs_2"]}
    assert scorings == expected.get(way, ["blobs_1", "blobs_2"])
    finish(pick_files(paths, model, tmp_path / "whole", SETTINGS))
    assert contents(folder) == contents(tmp_path / "whole")


def test_damaged_record_is_made_anew(tmp_path: Path, scorings: list[str]) -> None:
    paths, folder = written(tmp_path, 1), tmp_path / "picks"
    finish(pick_files(paths, MODEL, folder, replace(SETTINGS, formats=("csv",))))
    record = record_path(folder, "blobs_1")
    content = record.read_bytes()
    record.write_bytes(content[:-5] + b"wrong")
    finish(pick_files(paths, MODEL, folder, replace(SETTINGS, formats=("csv", "star"))))
    assert len(scorings) == 2
    assert read_record(folder, "blobs_1") is not None
