from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_deepem.batch.scorer import Scorer
from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.verdicts import join
from napari_deepem.core.jobs import MicrographRead, TilesDone
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.box_size import suggest_box
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.types import Candidates, Labels, Micrograph
from napari_deepem.io.images import write_image
from napari_deepem.io.models import load_model
from napari_deepem.session import Session, jobs
from simulated import simulated_micrograph


@pytest.fixture
def model() -> Model:
    """A network that knows nothing, of a box of 24 px."""
    network = Network(Architecture.for_box(24)).eval()
    return Model(network, "modern", 24, Sampling(1), None, threshold=0.5, std_range=(0.0, 5.0))


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
    seen, scores = drain(jobs.score(Scorer(model), "noise", None, micrograph))
    assert seen[-1] == TilesDone(len(seen), len(seen))
    assert scores.source.micrograph is micrograph
    assert scores.score_map.shape == micrograph.shape
    assert scores.candidates.box_size_px == 24


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the next training is given; it returns nothing."""
    seen: dict[str, Any] = {}

    def train_fields(fields, settings, stop):
        seen.update(fields=fields, settings=settings, stop=stop)
        yield

    def refine_epochs(model, verdicts, micrograph_of, settings, stop):
        seen.update(model=model, verdicts=verdicts, settings=settings, stop=stop)
        seen["recalled"] = [micrograph_of(item) for item in (*model.training_set, *verdicts)]
        yield
        return replace(model, training_set=join(model.training_set, verdicts, model.box_size_px))

    monkeypatch.setattr("napari_deepem.core.training.refinement.refine_epochs", refine_epochs)
    # last: refining imports the real one
    monkeypatch.setattr("napari_deepem.core.training.train.train_fields", train_fields)
    return seen


def open_in(session: Session, *names: str) -> None:
    session.micrographs = {name: replace(noise(), name=name) for name in names}


def test_training_job_reads_the_session_when_it_is_made(given: dict[str, Any]) -> None:
    positive, negative = Labels.of([[30, 30]]), Labels.of(negative_yx=[[9, 9]])
    session = Session(box_size_px=48, binning=2, recipe="deepem2017", start="chance", seed=5)
    open_in(session, *"abc")
    session.labels = {"a": positive, "b": Labels.of(), "c": negative}
    job = jobs.training(session, stop=sorted)
    session.labels, session.epochs, session.box_size_px = {}, 9, 400
    seen, _ = drain(job())
    assert seen[:2] == [MicrographRead(1, 2), MicrographRead(2, 2)]
    assert [(field.name, field.labels) for field in given["fields"]] == [
        ("a", positive),
        ("c", negative),
    ]
    assert given["stop"] is sorted
    assert given["settings"] == TrainingSettings(
        box_size_px=48,
        sampling=Sampling(2),
        recipe_name="deepem2017",
        epochs=None,  # the recipe's own
        seed=5,
        labels_complete=False,  # nobody clicks them all
        start="chance",
    )


def test_training_reads_the_files_of_a_series_and_leaves_excluded_ones_out(
    given: dict[str, Any], tmp_path: Path
) -> None:
    paths = {name: tmp_path / f"{name}.mrc" for name in "abc"}
    for path in paths.values():
        write_image(path, noise().image, 2.0)
    session = Session(box_size_px=24, files=paths, excluded=frozenset("b"), labels_complete=True)
    session.labels = dict.fromkeys("abc", Labels.of([[30, 30]]))
    drain(jobs.training(session)())
    assert [(field.name, field.source) for field in given["fields"]] == [
        ("a", paths["a"]),
        ("c", paths["c"]),
    ]
    assert given["settings"].labels_complete


def test_training_learns_from_verdicts_and_avoids_what_has_none(given: dict[str, Any]) -> None:
    session = Session(box_size_px=24, labels_complete=True)
    open_in(session, "a", "b")
    session.labels = {"a": Labels.of([[20, 20], [50, 50]])}
    session.verdicts = {
        "a": Labels.of([[20, 90]], [[51, 51]]),
        "b": Labels.of([[30, 30]], [[30, 60]]),
    }
    centres = np.array([[30.0, 31.0], [60.0, 100.0]])
    session.candidates = {"b": Candidates(centres, np.array([0.9, 0.8]), np.ones(2), 24)}
    drain(jobs.training(session)())
    first, second = (field.labels for field in given["fields"])
    np.testing.assert_array_equal(first.positive_yx, [[20, 20], [20, 90]])
    np.testing.assert_array_equal(first.negative_yx, [[51, 51]])  # the later word holds
    np.testing.assert_array_equal(second.positive_yx, [[30, 30]])
    np.testing.assert_array_equal(second.negative_yx, [[30, 60]])
    np.testing.assert_array_equal(second.unsure_yx, [[60, 100]])
    assert not given["settings"].labels_complete  # b has verdicts, not labels


def test_refining_job_joins_what_the_session_and_what_the_model_remember(
    given: dict[str, Any], model: Model, tmp_path: Path
) -> None:
    write_image(tmp_path / "closed.mrc", noise().image, None)
    old, new, verdict = Labels.of([[9, 9]]), Labels.of([[30, 30]]), Labels.of([[9, 9]], [[30, 60]])
    remembered = [
        LabelledMicrograph("closed", old, False, tmp_path / "closed.mrc"),
        LabelledMicrograph("labelled", old, False),
        LabelledMicrograph("checked", old, False),
        LabelledMicrograph("left out", old, False),
    ]
    session = Session(model=replace(model, training_set=tuple(remembered)), box_size_px=24)
    open_in(session, "labelled", "checked", "left out")
    session.excluded = frozenset({"left out"})
    session.labels, session.verdicts = {"labelled": new}, {"checked": verdict}
    job, opened = jobs.refining(session, "weights", stop=sorted), session.micrographs["checked"]
    session.micrographs = {}
    drain(job())
    assert [item.name for item in given["model"].training_set] == ["closed", "checked"]
    labelled, with_verdicts = given["verdicts"]
    assert (labelled.name, labelled.labels, labelled.complete) == ("labelled", new, False)
    np.testing.assert_array_equal(with_verdicts.labels.negative_yx, [[30, 60]])
    assert given["recalled"][0].source == tmp_path / "closed.mrc"
    assert given["recalled"][1] is opened
    assert (given["settings"].box_size_px, given["settings"].recipe_name) == (24, "modern")
    assert given["settings"].chosen_start is session.model
    assert given["stop"] is sorted


def test_verdict_that_is_taken_back_is_forgotten_by_a_model_from_a_file_but_not_what_that_knew(
    given: dict[str, Any], model: Model, tmp_path: Path
) -> None:
    known = LabelledMicrograph("noise", Labels.of([[60.0, 60.0]], [[9.0, 90.0]]), False)
    path = jobs.save(replace(model, training_set=(known,)), tmp_path / "m.safetensors")
    _, loaded = drain(jobs.load(path))
    session = Session(model=loaded, box_size_px=24)
    open_in(session, "noise")

    def learnt() -> list[list[float]]:
        """The particles that it is trained with now, by a model that is kept in a file."""
        _, refined = drain(jobs.refining(session)())
        session.model = load_model(jobs.save(refined, path))
        (item,) = refined.training_set
        return sorted(item.labels.positive_yx.tolist())

    session.verdicts = {"noise": Labels.of([[30.0, 30.0]], [[60.0, 60.0]])}
    assert learnt() == [[30.0, 30.0]]
    session.verdicts = {"noise": Labels.of([[9.0, 90.0]])}
    assert learnt() == [[9.0, 90.0], [60.0, 60.0]]
    session.verdicts = {}
    assert learnt() == [[60.0, 60.0]]
    drain(jobs.refining(session)())
    np.testing.assert_array_equal(given["model"].training_set[0].labels.negative_yx, [[9, 90]])


def test_model_that_another_session_has_trained_keeps_all_that_it_was_taught_there(
    given: dict[str, Any], model: Model, tmp_path: Path
) -> None:
    said_there = LabelledMicrograph("noise", Labels.of([[30.0, 30.0]]), False)
    model = replace(model, training_set=(said_there,), inherited=())
    _, loaded = drain(jobs.load(jobs.save(model, tmp_path / "m.safetensors")))
    session = Session(model=loaded, box_size_px=24)
    open_in(session, "noise")
    drain(jobs.refining(session)())
    assert [item.name for item in given["model"].training_set] == ["noise"]


def test_micrograph_of_the_first_training_that_has_no_file_must_be_open(model: Model) -> None:
    nowhere = LabelledMicrograph("sample", Labels.of([[30, 30]]), False)
    session = Session(model=replace(model, training_set=(nowhere,)))
    open_in(session, "noise")
    session.verdicts = {"noise": Labels.of([[9, 9]])}
    with pytest.raises(InputError, match="trained on sample: open that micrograph too"):
        drain(jobs.refining(session)())


def test_suggested_box_is_that_of_the_labelled_particles_in_memory() -> None:
    simulated = simulated_micrograph()
    session = Session(micrographs={"a": simulated.micrograph})
    session.labels = {"a": Labels.of(simulated.truth_yx), "elsewhere": Labels.of([[30, 30]])}
    _, survey = drain(jobs.surveying_labels(session)())
    assert survey.box_px == suggest_box([simulated.micrograph], [session.labels["a"]])
    assert survey.box_px is not None


def test_headers_of_labelled_files_are_read_once_and_those_that_cannot_be_are_not(
    tmp_path: Path,
) -> None:
    """C.6: the window knows pixel sizes of what is not open, too."""
    write_image(tmp_path / "a.mrc", np.zeros((60, 90)), 1.5)
    (tmp_path / "b.mrc").write_bytes(b"broken")
    session = Session(files={name: tmp_path / f"{name}.mrc" for name in "abc"})
    session.labels = {name: Labels.of([[30, 30]]) for name in "ab"}
    _, survey = drain(jobs.surveying_labels(session)())
    assert survey.headers == {"a": ((60, 90), 1.5)}
    survey.tell(session)
    assert session.headers == survey.headers
    assert drain(jobs.surveying_labels(session)())[1].headers == {}


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
    drain(jobs.score(Scorer(model), "noise", None, noise()))
    assert asked == [after]
