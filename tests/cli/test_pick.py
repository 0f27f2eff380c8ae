"""`napari-deepem pick`."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from blobs import BOX_PX
from cli_runs import Refusal, console_on, run
from learnt_scores import BACKGROUND, PARTICLES, draw, summary_of
from napari_deepem.batch.picker import MicrographDone
from napari_deepem.batch.series_run import SeriesRun
from napari_deepem.cli.picking_progress import PickingCourse, follow_picking
from napari_deepem.core.network.general import general_model
from napari_deepem.core.picking.box_proposal import propose_box
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import select_picks
from napari_deepem.core.picking.precision_estimate import judge
from napari_deepem.core.picking.score_evidence import LearntScores
from napari_deepem.core.picking.score_mixture import ScoreMixture
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.io.images import read_micrograph, write_image
from napari_deepem.io.models import load_model, save_model
from napari_deepem.io.pick_records import RUN, read_description
from napari_deepem.io.score_maps import CACHE
from spoilt_files import SPOILT_MICROGRAPHS, Spoil, write_text


def test_picks_are_those_of_the_python_functions(sample: Path, model: Path, tmp_path: Path) -> None:
    assert run("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path / "p") == 0
    names = sorted(path.name for path in (tmp_path / "p").glob("blobs*"))
    assert names == ["blobs_4.box", "blobs_4.star"]
    trained = load_model(model)
    candidates = find_candidates(score(read_micrograph(sample / "blobs_4.mrc"), trained))
    expected = select_picks(candidates, threshold=trained.threshold, std_range=trained.std_range)
    assert len(expected) > 3
    for name in names:
        found = read_coordinates(tmp_path / "p" / name)
        assert np.abs(found.centres_yx - expected.centres_yx).max() <= 0.5
    star = read_coordinates(tmp_path / "p" / "blobs_4.star")
    assert star.scores is not None
    assert expected.scores is not None
    np.testing.assert_allclose(star.scores, expected.scores, atol=1e-7)
    assert read_coordinates(tmp_path / "p" / "blobs_4.box").box_size_px == BOX_PX


def test_all_candidates_hold_what_a_threshold_leaves_out(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--format", "csv")
    assert run(*options, "--out", tmp_path / "all", "--all-candidates") == 0
    assert run(*options, "--out", tmp_path / "some") == 0
    everything = read_coordinates(tmp_path / "all" / "blobs_4.csv")
    some = read_coordinates(tmp_path / "some" / "blobs_4.csv")
    assert 3 < len(some) < len(everything)
    assert everything.scores is not None
    assert everything.scores.min() < load_model(model).threshold
    assert {tuple(c) for c in some.centres_yx} <= {tuple(c) for c in everything.centres_yx}


GENERAL_BOX_PX = 30  # a scale that is no whole number


def test_general_network_picks_without_a_model(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--box", GENERAL_BOX_PX, "--out", tmp_path)
    assert run(*options, "--format", "csv,box", "--threshold", 0, "--score-maps") == 0
    assert "by the general network, estimated precision withheld: no label taught the network" in (
        capsys.readouterr().err
    )
    scores = score(read_micrograph(sample / "blobs_4.mrc"), general_model(GENERAL_BOX_PX))
    expected = select_picks(find_candidates(scores), threshold=0)
    picks = read_coordinates(tmp_path / "blobs_4.csv")
    assert len(picks) > 0
    assert read_coordinates(tmp_path / "blobs_4.box").box_size_px == GENERAL_BOX_PX
    np.testing.assert_allclose(picks.centres_yx, expected.centres_yx, atol=1e-3)
    written = read_micrograph(tmp_path / "blobs_4_scores.mrc")
    np.testing.assert_array_equal(written.image, scores.scores)
    assert written.pixel_size == pytest.approx(2.0 * scores.step_px)


def test_scores_of_the_general_network_are_kept_by_box(data: Path, tmp_path: Path) -> None:
    for box, folders in ((30, 1), (30, 1), (33, 2)):
        options = ("--box", box, "--out", tmp_path / f"{box}", "--keep-scores")
        assert run("pick", data, *options) == 0
        assert len(list((data / CACHE).iterdir())) == folders


def test_box_is_proposed_where_it_is_auto(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--box", "auto", "--out", tmp_path)
    assert run(*options, "--threshold", 0) == 0
    (choice, *_) = propose_box([read_micrograph(sample / "blobs_4.mrc")]).choices
    assert f"box of {choice.box_size_px} px, less likely " in capsys.readouterr().err
    assert read_coordinates(tmp_path / "blobs_4.box").box_size_px == choice.box_size_px


def test_box_beside_a_model_is_the_models_own(
    refusal: Refusal, sample: Path, model: Path, tmp_path: Path
) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", "picks")
    for box in (BOX_PX + 1, "auto"):
        line = refusal(*options, "--box", box)
        assert f"--box {box}, but {model} was trained with boxes of {BOX_PX} px" in line
    assert run(*options, "--box", BOX_PX) == 0


def picks_with(sample: Path, model: Path, out: Path, *options: object) -> Picks:
    arguments = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", out)
    assert run(*arguments, "--format", "csv", *options) == 0
    return read_coordinates(out / "blobs_4.csv")


def test_threshold_is_taken_from_the_command_line(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    wide = ("--std-range", 0, 99)
    half = picks_with(sample, model, tmp_path / "half", "--threshold", 0.5, *wide)
    least = picks_with(sample, model, tmp_path / "least", "--threshold", 0, *wide)
    best = picks_with(sample, model, tmp_path / "best", "--threshold", "f2", *wide)
    default = picks_with(sample, model, tmp_path / "default", *wide)
    assert half.scores is not None
    assert least.scores is not None
    assert half.scores.min() >= 0.5
    assert len(half) == (least.scores >= 0.5).sum() < len(least)
    np.testing.assert_array_equal(best.centres_yx, default.centres_yx)
    assert len(best) == (least.scores >= load_model(model).threshold).sum()


def test_std_range_is_taken_from_the_command_line(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    micrograph = read_micrograph(sample / "blobs_4.mrc")
    candidates = find_candidates(score(micrograph, load_model(model)))
    middle = float(np.median(candidates.stds))
    for low, high in ((0.0, middle), (middle, 99.0)):
        options = ("--threshold", 0, "--min-distance", 0, "--std-range", low, high)
        found = picks_with(sample, model, tmp_path / f"{low}", *options)
        inside = (candidates.stds >= low) & (candidates.stds <= high)
        assert 0 < len(found) == inside.sum() < len(candidates)


def test_minimum_distance_is_taken_from_the_command_line(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    options = ("--threshold", 0, "--std-range", 0, 99, "--min-distance")
    counts = []
    for distance in (0, 30, 1000):
        found = picks_with(sample, model, tmp_path / str(distance), *options, distance)
        apart = np.linalg.norm(found.centres_yx[:, None] - found.centres_yx[None], axis=2)
        assert apart[~np.eye(len(found), dtype=bool)].min(initial=np.inf) >= distance
        counts.append(len(found))
    assert counts[0] > counts[1] > counts[2] == 1


def test_step_is_taken_from_the_command_line(sample: Path, model: Path, tmp_path: Path) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path)
    assert run(*options, "--score-maps", "--step", 5) == 0
    written = read_micrograph(tmp_path / "blobs_4_scores.mrc")
    expected = score(read_micrograph(sample / "blobs_4.mrc"), load_model(model), step_px=5)
    np.testing.assert_array_equal(written.image, expected.scores)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
def test_device_that_is_not_there_is_said_before_anything_is_written(
    sample: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "picks"
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", out)
    assert run(*options, "--device", "cuda") == 2
    assert "'cuda' is not available to torch here: use cpu, or auto" in capsys.readouterr().err
    assert not out.exists()
    assert run(*options, "--device", "cpu") == 0


def test_formats_are_taken_from_the_command_line(sample: Path, model: Path, tmp_path: Path) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path)
    assert run(*options, "--format", "csv,box") == 0
    assert sorted(path.name for path in tmp_path.glob("blobs*")) == ["blobs_4.box", "blobs_4.csv"]


def test_score_maps_are_written_on_demand(sample: Path, model: Path, tmp_path: Path) -> None:
    options = ("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path)
    assert run(*options, "--score-maps") == 0
    written = read_micrograph(tmp_path / "blobs_4_scores.mrc")
    expected = score(read_micrograph(sample / "blobs_4.mrc"), load_model(model))
    np.testing.assert_array_equal(written.image, expected.scores)
    assert written.pixel_size == pytest.approx(2.0 * expected.step_px)


def test_score_maps_are_not_written_among_the_micrographs(
    model: Path, sample: Path, refusal: Refusal
) -> None:
    """The next run would take them for micrographs."""
    message = refusal("pick", sample, "--model", model, "--out", sample, "--score-maps")
    assert "choose another folder" in message


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["."], ["blobs_1", "blobs_2", "blobs_3", "blobs_4"]),
        (["blobs_[12].mrc", "blobs_2.*"], ["blobs_1", "blobs_2"]),
        (["*_4.mrc", "blobs_1.mrc"], ["blobs_1", "blobs_4"]),
    ],
    ids=["folder", "patterns", "pattern and file"],
)
def test_micrographs_may_be_files_folders_and_patterns(
    sample: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    names: list[str],
) -> None:
    monkeypatch.chdir(sample)
    out = tmp_path / "picks"
    assert run("pick", *arguments, "--model", model, "--out", out, "--format", "star") == 0
    assert sorted(path.stem for path in out.glob("blobs*")) == names


def test_micrograph_without_picks_gets_empty_files(
    sample: Path, model: Path, tmp_path: Path
) -> None:
    options = ("--model", model, "--out", tmp_path, "--std-range", 98, 99, "--format", "csv,star")
    assert run("pick", sample / "blobs_4.mrc", *options) == 0
    for suffix in (".csv", ".star"):
        assert len(read_coordinates(tmp_path / f"blobs_4{suffix}")) == 0


def test_broken_micrograph_among_good_ones_does_not_stop_them(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "blobs_0.mrc").write_bytes(b"not MRC at all")
    out = tmp_path / "picks"
    assert run("pick", data, "--model", model, "--out", out, "--format", "star") == 3
    shown = capsys.readouterr().err
    assert sorted(path.name for path in out.glob("blobs*")) == ["blobs_1.star", "blobs_2.star"]
    (line,) = [line for line in shown.splitlines() if line.startswith("napari-deepem: ")]
    assert "blobs_0.mrc" in line
    assert "1 of 3 micrographs could not be picked" in shown


def test_links_in_a_folder_are_picked_or_told_of(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A.6"""
    (data / "again.mrc").symlink_to("blobs_1.mrc")
    (data / "gone.mrc").symlink_to("raw/gone.mrc")
    out = tmp_path / "picks"
    assert run("pick", data, "--model", model, "--out", out, "--format", "star") == 3
    lines = capsys.readouterr().err.splitlines()
    assert (
        "napari-deepem: again.mrc, blobs_1.mrc are one file, which counts as 2 micrographs" in lines
    )
    assert f"napari-deepem: {data}/gone.mrc: a link to raw/gone.mrc, which can't be reached; " in (
        line.partition("mend")[0] for line in lines
    )
    assert lines[-1] == "1 of 4 micrographs could not be picked"
    assert sorted(path.stem for path in out.glob("*.star")) == ["again", "blobs_1", "blobs_2"]
    again, first = (read_coordinates(out / f"{name}.star") for name in ("again", "blobs_1"))
    np.testing.assert_array_equal(again.centres_yx, first.centres_yx)


def test_micrograph_of_another_pixel_size_is_picked_with_a_remark(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(data / "blobs_1.mrc", read_micrograph(data / "blobs_1.mrc").image, 4.0)
    assert run("pick", data / "blobs_1.mrc", "--model", model, "--out", tmp_path / "p") == 0
    assert "blobs_1 has 4 A/px, the model was trained at 2 A/px" in capsys.readouterr().err
    assert (tmp_path / "p" / "blobs_1.star").exists()


def test_scores_are_kept_beside_the_micrographs_when_that_is_asked_for(
    data: Path, model: Path, tmp_path: Path
) -> None:
    before = sorted(data.iterdir())
    command = ("pick", data / "blobs_1.mrc", "--model", model)
    assert run(*command, "--out", tmp_path / "a") == 0
    assert sorted(data.iterdir()) == before
    assert run(*command, "--out", tmp_path / "b", "--keep-scores") == 0
    assert [path.name for path in (data / CACHE).rglob("*.safetensors")] == [
        "blobs_1.mrc.safetensors"
    ]
    assert run(*command, "--out", tmp_path / "c") == 0
    for name in ("blobs_1.box", "blobs_1.star"):
        texts = {(tmp_path / folder / name).read_bytes() for folder in "abc"}
        assert len(texts) == 1


def picking(*news: MicrographDone) -> Generator[MicrographDone, None, SeriesRun]:
    """A picking that gives these."""
    series = SeriesRun(done.name for done in news)
    for done in news:
        yield done
        if done.n_picks is None:
            series.failed(str(done.remark))
        else:
            series.done(done.remark)
    return series


MIXED = (
    MicrographDone("first", 1.25, 3),
    MicrographDone("second", 0.5, remark="second.mrc: cut short"),
    MicrographDone("third", 0.5, 4, remark="third has 4 A/px"),
)


@pytest.mark.parametrize("terminal", [False, True])
def test_picking_names_what_failed_and_counts_the_rest(terminal: bool) -> None:
    console, shown = console_on(terminal)
    course = follow_picking(picking(*MIXED), PickingCourse(3), console)
    assert list(course.problems) == ["second"]
    text = shown.getvalue()
    assert "napari-deepem: second.mrc: cut short" in text
    assert "napari-deepem: third has 4 A/px" in text
    assert "7 picks on 2 micrographs, estimated precision withheld" in text
    assert "1 of 3 micrographs could not be picked" in text
    assert ("first: 3 picks, 1.2 s" in text) != terminal


def test_evidence_of_all_micrographs_makes_one_estimate() -> None:
    mixture = ScoreMixture(BACKGROUND, PARTICLES, share=0.2)
    learnt = LearntScores.of_summary(summary_of(mixture))
    dones = []
    for name, seed in (("a", 1), ("b", 2)):
        fitted = learnt.fitted_to(np.sort(draw(80, 320, seed)[0])[::-1])
        evidence = fitted.evidence_above(0.5)
        dones.append(MicrographDone(name, 0.5, evidence.n_picks, evidence=evidence))
    console, shown = console_on(terminal=False)
    follow_picking(picking(*dones), PickingCourse(2), console)
    estimate = judge(dones[0].evidence + dones[1].evidence)
    assert f"picks on 2 micrographs, estimated precision {estimate.precision:.2f}\n" in (
        shown.getvalue()
    )


def test_withheld_estimate_is_a_reason() -> None:
    """D.1: nothing was learnt of how scores tell particles."""
    console, shown = console_on(terminal=False)
    follow_picking(picking(MicrographDone("a", 0.5, 3)), PickingCourse(1), console)
    assert shown.getvalue().endswith(
        "estimated precision withheld: too few particles were held out of the training\n"
    )


def test_single_micrograph_that_fails_is_one_line() -> None:
    job = picking(MicrographDone("m", 0.5, remark="m.mrc: cut short"))
    console, shown = console_on(terminal=False)
    assert list(follow_picking(job, PickingCourse(1), console).problems) == ["m"]
    assert shown.getvalue() == "napari-deepem: m.mrc: cut short\n"


def test_brackets_in_names_are_shown_as_they_are() -> None:
    job = picking(MicrographDone("m[1]", 0.5, remark="/data/[bold]m[1].mrc: cut short"))
    console, shown = console_on(terminal=False)
    follow_picking(job, PickingCourse(1), console)
    assert "/data/[bold]m[1].mrc" in shown.getvalue()


# Wrong input: one line, exit code 2, nothing written


def test_micrograph_that_is_missing(refusal: Refusal, data: Path, model: Path) -> None:
    line = refusal("pick", data / "blobs_9.mrc", "--model", model, "--out", "picks")
    assert "blobs_9.mrc: no such file or folder" in line


@pytest.mark.parametrize("kind", [kind for kind in SPOILT_MICROGRAPHS if kind != "missing"])
def test_micrograph_that_cannot_be_used(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """It is on record, and the exit code says that some failed."""
    spoil, message = SPOILT_MICROGRAPHS[kind]
    spoil(data / "blobs_1.mrc")
    out = tmp_path / "picks"
    assert run("pick", data / "blobs_1.mrc", "--model", model, "--out", out) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert "blobs_1" in line
    assert [path.name for path in out.iterdir()] == [RUN]
    assert f"napari-deepem: {read_description(out, 'blobs_1').remark}" == line


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def resaved_with(**changes: str) -> Spoil:
    def write(path: Path) -> None:
        header = {"format": "napari-deepem model", "version": "1", "model": "{}"}
        save_file(load_file(path), path, metadata=header | changes)

    return write


SPOILT_MODELS: dict[str, tuple[Spoil, str]] = {
    "missing": (Path.unlink, "no model file"),
    "empty": (lambda path: path.write_bytes(b""), "damaged or not a model file"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:3000]), "damaged or not"),
    "text": (write_text("x,y\n" * 99), "damaged or not a model file"),
    "newer version": (resaved_with(version="2"), "of format version 2"),
    "other weights": (lambda path: save_file(load_file(path), path), "holds other weights"),
    "hollow description": (resaved_with(), "does not describe a whole model"),
    "folder": (replace_by_folder, "no model file"),
}


@pytest.mark.parametrize("kind", SPOILT_MODELS)
def test_model_that_cannot_be_used(
    refusal: Refusal, data: Path, model: Path, tmp_path: Path, kind: str
) -> None:
    spoil, message = SPOILT_MODELS[kind]
    shutil.copy(model, tmp_path / "spoilt.safetensors")
    spoil(tmp_path / "spoilt.safetensors")
    assert message in refusal("pick", data, "--model", "spoilt.safetensors", "--out", "picks")
    assert not (tmp_path / "picks").exists()


def test_adaptive_threshold_of_a_model_without_scores_is_refused(
    refusal: Refusal, data: Path, model: Path, tmp_path: Path
) -> None:
    save_model(replace(load_model(model), summary={}), tmp_path / "old.safetensors")
    options = ("--model", "old.safetensors", "--out", "picks", "--adaptive-threshold")
    assert "or an earlier version made it; train it again" in refusal("pick", data, *options)
    assert not (tmp_path / "picks").exists()


def test_run_goes_on_by_an_adaptive_threshold_and_back(
    data: Path, model: Path, tmp_path: Path
) -> None:
    few = ScoreMixture(BACKGROUND, PARTICLES, share=0.002)
    knows = tmp_path / "knows.safetensors"
    save_model(replace(load_model(model), summary=summary_of(few)), knows)
    options = ("--model", knows, "--out", tmp_path / "picks", "--format", "csv")
    texts = []
    for adaptive in ((), ("--adaptive-threshold",), ("--adaptive-threshold",), ()):
        assert run("pick", data, *options, "--threshold", 0.9, *adaptive) == 0
        texts.append((tmp_path / "picks" / "blobs_1.csv").read_text())
        described = read_description(tmp_path / "picks", "blobs_1")
        assert described is not None
        assert (described.criteria.mixture is not None) == bool(adaptive)
    assert texts[0].count("\n") < texts[1].count("\n")  # it learnt of fewer particles
    assert texts == [texts[0], texts[1], texts[1], texts[0]]


PICK = ("pick", "data", "--model", "m.safetensors", "--out", "picks")
WRONG_ARGUMENTS: dict[str, tuple[tuple[object, ...], str]] = {
    "format": ((*PICK, "--format", "mol2"), "no format is called 'mol2'"),
    "option": ((*PICK, "--option", "a=1"), "no format of box, star has an option 'a'"),
    "no format": ((*PICK, "--format", ","), "no format given"),
    "nothing learnt": (
        ("pick", "data", "--box", 24, "--out", "picks", "--adaptive-threshold"),
        "--adaptive-threshold: the general network has learnt nothing",
    ),
    "std range falling": ((*PICK, "--std-range", 2, 1), "a std range of 2 to 1"),
    "std range of one": ((*PICK, "--std-range", 2), "--std-range"),
    "out below a file": ((*PICK, "--out", "file/picks"), "is a file"),
    "out is a file": ((*PICK, "--out", "file"), "is a file"),
    "no model": (("pick", "data", "--out", "picks"), "Give --model, or --box"),
    "no out": (("pick", "data", "--model", "m.safetensors"), "--out"),
    "no micrographs": (("pick", "--model", "m.safetensors", "--out", "picks"), "MICROGRAPHS"),
}


@pytest.mark.parametrize("kind", WRONG_ARGUMENTS)
@pytest.mark.usefixtures("wrong_paths")
def test_arguments_that_cannot_be_used(
    refusal: Refusal, model: Path, tmp_path: Path, kind: str
) -> None:
    shutil.copy(model, tmp_path / "m.safetensors")
    arguments, message = WRONG_ARGUMENTS[kind]
    assert message in refusal(*arguments)
