from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.model import LabelledMicrograph, Model
from napari_deepem.core.network import Architecture, Network
from napari_deepem.core.scoring import TilesDone
from napari_deepem.core.settings import TrainingSettings
from napari_deepem.core.types import Labels, Micrograph
from napari_deepem.io.micrographs import write_mrc
from napari_deepem.session import Scored, Session, jobs


@pytest.fixture
def model() -> Model:
    """A network that knows nothing, of a box of 24 px."""
    network = Network(Architecture.for_box(24)).eval()
    return Model(network, "modern", 24, 1, None, threshold=0.5, std_range=(0.0, 5.0))


def noise(shape: tuple[int, int] = (80, 120)) -> Micrograph:
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return Micrograph(image, "noise")


def drain(job):
    seen = []
    while True:
        try:
            seen.append(next(job))
        except StopIteration as end:
            return seen, end.value


def test_scoring_yields_tiles_and_returns_scores(model: Model) -> None:
    micrograph = noise()
    seen, scored = drain(jobs.score(micrograph, model))
    assert seen[-1] == TilesDone(len(seen), len(seen))
    assert isinstance(scored, Scored)
    assert scored.micrograph is micrograph
    assert scored.model is model
    assert scored.candidates.box_size_px == 24


def test_training_job_reads_the_session_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}

    def train_epochs(micrographs, labels, settings):
        given.update(names=[m.name for m in micrographs], labels=labels, settings=settings)
        yield

    monkeypatch.setattr("napari_deepem.core.training.train_epochs", train_epochs)
    marked, negative = Labels.of([[30, 30]]), Labels.of(negative_yx=[[9, 9]])
    session = Session(box_size_px=48, binning=2, recipe="deepem2017", seed=5)
    session.micrographs = {name: Micrograph(np.zeros((80, 80)), name) for name in "abc"}
    session.labels = {"a": marked, "b": Labels.of(), "c": negative}
    job = jobs.training(session)
    session.labels, session.epochs, session.box_size_px = {}, 9, 400
    drain(job())
    assert given == {
        "names": ["a", "c"],
        "labels": [marked, negative],
        "settings": TrainingSettings(
            box_size_px=48,
            binning=2,
            recipe_name="deepem2017",
            epochs=None,  # the recipe's own
            seed=5,
            labels_complete=False,  # nobody clicks them all
        ),
    }


def test_refining_job_takes_verdicts_on_open_micrographs_and_recalls_the_others(
    monkeypatch: pytest.MonkeyPatch, model: Model, tmp_path: Path
) -> None:
    given = {}

    def refine_epochs(model, verified, micrograph_of, settings):
        given.update(model=model, verified=verified, settings=settings)
        given["recalled"] = [micrograph_of(item) for item in (*model.training_set, *verified)]
        yield

    monkeypatch.setattr("napari_deepem.core.refinement.refine_epochs", refine_epochs)
    write_mrc(tmp_path / "closed.mrc", noise().image, None)
    marked, verdict = Labels.of([[30, 30]]), Labels.of([[9, 9]], [[30, 60]])
    closed = LabelledMicrograph("closed", marked, False, tmp_path / "closed.mrc")
    session = Session(model=replace(model, training_set=(closed,)))
    session.micrographs = {"open": replace(noise(), name="open", source=Path("open.mrc"))}
    job, opened = jobs.refining(session, {"open": verdict}), session.micrographs["open"]
    session.micrographs = {}
    drain(job())
    assert given["model"].training_set == (closed,)
    (item,) = given["verified"]
    assert (item.name, item.labels, item.complete) == ("open", verdict, False)
    assert item.source == Path("open.mrc")
    assert given["recalled"][0].name == "closed"
    assert given["recalled"][1] is opened
    assert (given["settings"].box_size_px, given["settings"].recipe_name) == (24, "modern")


def test_micrograph_of_the_first_training_that_has_no_file_must_be_open(model: Model) -> None:
    nowhere = LabelledMicrograph("sample", Labels.of([[30, 30]]), False)
    session = Session(model=replace(model, training_set=(nowhere,)))
    session.micrographs = {"noise": noise()}
    job = jobs.refining(session, {"noise": Labels.of([[9, 9]])})
    with pytest.raises(InputError, match="trained on sample: open that micrograph too"):
        drain(job())


def test_model_comes_back_from_its_file(model: Model, tmp_path: Path) -> None:
    path = jobs.save(model, tmp_path / "mine")
    assert path == tmp_path / "mine.safetensors"
    _, loaded = drain(jobs.load(path))
    assert (loaded.box_size_px, loaded.recipe) == (24, "modern")


def test_file_that_is_no_model_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "not_a_model.safetensors"
    path.write_text("hello")
    with pytest.raises(InputError):
        drain(jobs.load(path))


@pytest.mark.parametrize(("before", "cores", "after"), [(1, 8, 1), (8, 8, 7), (4, 1, 1), (3, 8, 3)])
def test_jobs_take_no_more_threads_than_they_were_given(
    monkeypatch: pytest.MonkeyPatch, model: Model, before: int, cores: int, after: int
) -> None:
    asked = []
    monkeypatch.setattr("torch.get_num_threads", lambda: before)
    monkeypatch.setattr("torch.set_num_threads", asked.append)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    drain(jobs.score(noise(), model))
    assert asked == [after]


def test_pixel_size_that_is_not_the_models_is_said(model: Model) -> None:
    def scored(pixel_size: float | None) -> Scored:
        trained = replace(model, pixel_size=2.0)
        micrograph = replace(noise(), pixel_size=pixel_size)
        _, found = drain(jobs.score(micrograph, trained))
        return found

    assert jobs.remark_on(scored(None)) is None
    assert jobs.remark_on(scored(2.01)) is None
    assert "noise has 2.5 A/px" in jobs.remark_on(scored(2.5))
