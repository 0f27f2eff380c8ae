"""The page on a run, and the same as data."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.batch.pick import PickSettings, pick_files
from napari_deepem.batch.report.report_page import Run, model_words, write_report
from napari_deepem.batch.report.run_statistics import SHOWN, gather
from napari_deepem.batch.run_folder import RunFolder, picks_of_record
from napari_deepem.batch.run_manifest import is_run, read_run
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Candidates
from napari_deepem.io.images import write_image
from napari_deepem.io.models import model_digest
from napari_deepem.io.pick_records import RUN, Criteria, Described, PickRecord, record_path
from networks import lively_model

MODEL = lively_model(BOX_PX)
SETTINGS = PickSettings(PickCriteria.of_model(MODEL), ("star",))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three micrographs, one of which has a name that means something in HTML, and a broken one."""
    folder = tmp_path_factory.mktemp("run")
    paths = []
    for seed, name in enumerate(("a", "b <b>&\u00b5", "c"), start=1):
        paths.append(folder / f"{name}.mrc")
        write_image(paths[-1], blob_micrograph(seed)[0].image, 2.0)
    paths.append(folder / "broken.mrc")
    paths[-1].write_bytes(b"<script>")
    series = finish(pick_files(paths, MODEL, folder / "out", SETTINGS))
    words = model_words(MODEL)
    return Run(folder / "out", words, SETTINGS.criteria, "pick 'a b'", series.problems, 3.0, "0.9")


class References(HTMLParser):
    """The addresses that a page names, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def read_page(path: Path) -> References:
    page = References()
    page.feed(path.read_text("utf-8"))
    return page


def test_data_tell_of_every_micrograph(run: Run) -> None:
    _, path = write_report(run)
    data = json.loads(path.read_text("utf-8"))
    micrographs = {each["name"]: each for each in data["micrographs"]}
    assert {name: each["state"] for name, each in micrographs.items()} == {
        "a": "picked",
        "b <b>&\u00b5": "picked",
        "c": "picked",
        "broken": "failed",
    }
    assert "not an MRC file" in micrographs["broken"]["reason"]
    assert (data["picked"], data["failed"]) == (3, 1)
    assert data["picks"] == sum(each.get("picks", 0) for each in data["micrographs"]) > 0
    assert data["threshold"] == SETTINGS.criteria.threshold


def test_page_needs_no_network_and_says_names_as_they_are(run: Run) -> None:
    page = read_page(write_report(run)[0])
    assert page.addresses
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert "b <b>&\u00b5, " in page.text
    assert "broken.mrc: not an MRC file" in page.text
    assert {"b", "script"} & set(page.tags) == {"b"}  # its own, around figures
    assert not re.search(r"https?://", (run.folder / "report.html").read_text("utf-8"))


def test_micrographs_that_have_gone_are_left_out_of_the_pictures(run: Run) -> None:
    path = run.folder.parent / "a.mrc"
    content = path.read_bytes()
    path.unlink()
    try:
        page = read_page(write_report(run)[0])
    finally:
        path.write_bytes(content)
    assert "3" in page.text
    assert "a, " not in page.text
    assert "c, " in page.text


def test_run_is_known_with_its_model(run: Run) -> None:
    known = read_run(run.folder)
    assert is_run(run.folder)
    assert model_digest(known.model) == model_digest(MODEL)
    assert known.criteria == SETTINGS.criteria
    assert known.manifest.formats == ("star",)
    with pytest.raises(InputError, match="no folder that was picked into"):
        read_run(run.folder.parent)


def record_of(name: str, count: int, folder: Path) -> None:
    rng = np.random.default_rng(count)
    scores = np.sort(rng.uniform(0.6, 1, count))[::-1]
    candidates = Candidates(rng.uniform(0, 100, (count, 2)), scores, np.ones(count), 24)
    described = Described(
        state="picked",
        path=str(folder / f"{name}.mrc"),
        stamp=(1, 2, 3),
        scorer="x",
        criteria=Criteria(threshold=0.5, std_range=None, min_distance_px=0.0),
        box_size_px=24,
        n_picks=count,
    )
    record = PickRecord(described, candidates)
    RunFolder(folder, ("star",)).write(picks_of_record(name, record), record)


def test_outliers_and_the_lowest_scores_are_found_among_all(tmp_path: Path) -> None:
    for number in range(12):
        record_of(f"m{number:02}", 20 + number % 3, tmp_path)
    record_of("empty", 0, tmp_path)
    record_of("full", 90, tmp_path)
    statistics = gather(tmp_path, {"m05": "vanished"})
    assert list(statistics.outliers()) == ["full", "empty"]
    assert statistics.failures == {"m05": "vanished"}
    assert statistics.n_picks == statistics.pick_stds.sum() == statistics.counts.sum()
    assert len(statistics.lowest) == len(statistics.random) == SHOWN
    shown = [each.score for each in statistics.lowest]
    everything = np.concatenate(
        [np.random.default_rng(n).uniform(0.6, 1, n) for n in [*statistics.counts]]
    )
    np.testing.assert_allclose(sorted(shown), np.sort(everything)[:SHOWN])


def test_damaged_record_counts_as_failed(tmp_path: Path) -> None:
    record_of("m1", 5, tmp_path)
    path = record_path(tmp_path, "m1")
    path.write_bytes(path.read_bytes()[:-3])
    assert "damaged" in gather(tmp_path).failures["m1"]
    assert (tmp_path / RUN).is_dir()
