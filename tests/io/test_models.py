from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from blobs import blob_micrograph
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.starts import FirstTraining
from napari_deepem.core.training.train import train
from napari_deepem.core.types import Labels
from napari_deepem.io.models import (
    FORMAT,
    FORMAT_VERSION,
    load_model,
    model_path,
    save_model,
)
from networks import lively_network, random_network

PART = {"micrograph": "Übersicht 1", "particles": 12, "negatives": 0, "binned_cols": [0.0, 41.5]}
SUMMARY = {
    "seed": 3,
    "trained_on": [PART],
    "curve": [{"epoch": 1, "loss": 0.1 + 0.2, "held_out_loss": None}],
}

FIRST = {"start": "general", "recipe": {"name": "modern", "epochs": 5}, "epochs": None}


@pytest.fixture
def model() -> Model:
    architecture = replace(Architecture.for_box(25), activation="relu")
    return Model(
        network=lively_network(architecture),
        recipe="modern",
        box_size_px=51,
        sampling=Sampling(2),
        pixel_size=1.0 / 3.0,
        threshold=0.1 + 0.2,
        std_range=(0.7, 1.9 / 1.7),
        summary=SUMMARY,
        smoothing=0.06,
        min_distance_px=12.5,
    )


def test_model_round_trip_keeps_every_field(model: Model, tmp_path: Path) -> None:
    loaded = load_model(save_model(model, tmp_path / "m.safetensors"))
    for field in fields(Model):
        if field.name != "network":
            assert getattr(loaded, field.name) == getattr(model, field.name), field.name
    assert loaded.network.architecture == model.network.architecture
    assert isinstance(loaded.std_range, tuple)
    assert loaded.box_px == 25


def test_unknown_pixel_size_stays_unknown(model: Model, tmp_path: Path) -> None:
    path = save_model(replace(model, pixel_size=None), tmp_path / "m.safetensors")
    assert load_model(path).pixel_size is None


def test_loaded_model_scores_to_the_last_bit_the_same(model: Model, tmp_path: Path) -> None:
    loaded = load_model(save_model(model, tmp_path / "m.safetensors"))
    assert not loaded.network.training
    micrograph, _ = blob_micrograph(1)
    expected, found = score(micrograph, model), score(micrograph, loaded)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert np.ptp(expected.scores) > 0.1
    assert (found.origin_px, found.step_px) == (expected.origin_px, expected.step_px)


@pytest.mark.parametrize("box", [24, 272, 160, 150, 112, 113])
def test_network_of_any_box_is_kept(box: int, tmp_path: Path) -> None:
    network = random_network(Architecture.for_box(box))
    model = Model(network, "deepem2017", box, Sampling(1), None, 0.5, (0.0, 2.0))
    loaded = load_model(save_model(model, tmp_path / "m.safetensors"))
    assert loaded.network.architecture == network.architecture
    for name, values in network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], values), name


def test_suffix_is_added_where_it_is_missing(model: Model, tmp_path: Path) -> None:
    assert save_model(model, tmp_path / "klh") == tmp_path / "klh.safetensors"
    assert save_model(model, tmp_path / "v1.2") == tmp_path / "v1.2.safetensors"
    assert save_model(model, str(tmp_path / "a.safetensors")) == tmp_path / "a.safetensors"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("a.safetensors", "klh.safetensors", "v1.2.safetensors")
    ]


def test_model_file_is_plain_safetensors_with_a_readable_header(
    model: Model, tmp_path: Path
) -> None:
    path = save_model(model, tmp_path / "m.safetensors")
    with safe_open(path, framework="np") as file:
        header = file.metadata()
        assert set(file.keys()) == set(model.network.state_dict())
    assert (header["format"], header["version"]) == (FORMAT, str(FORMAT_VERSION))
    description = json.loads(header["model"])
    assert description["architecture"]["box_px"] == 25
    assert description["summary"] == SUMMARY


def labelled(source: Path | None) -> LabelledMicrograph:
    labels = Labels.of([(0.1 + 0.2, 7)], [(1, 2), (3, 4)], [(1 / 3, 9)])
    return LabelledMicrograph("Übersicht 1", labels, complete=False, source=source)


def test_model_remembers_what_it_was_trained_on(model: Model, tmp_path: Path) -> None:
    known, unknown = labelled(tmp_path / "Übersicht 1.mrc"), labelled(None)
    model = replace(model, training_set=(known, unknown))
    loaded = load_model(save_model(model, tmp_path / "m.safetensors")).training_set
    assert [item.source for item in loaded] == [known.source, None]
    for item in loaded:
        assert (item.name, item.complete) == ("Übersicht 1", False)
        np.testing.assert_array_equal(item.labels.positive_yx, known.labels.positive_yx)
        np.testing.assert_array_equal(item.labels.negative_yx, known.labels.negative_yx)
        np.testing.assert_array_equal(item.labels.unsure_yx, known.labels.unsure_yx)


def recalled(model_file: Path) -> LabelledMicrograph:
    (item,) = load_model(model_file).training_set
    return item


def test_micrographs_that_moved_together_with_the_model_are_found(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old" / "micrographs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "old")
    source = Path("micrographs") / "m1.mrc"
    source.touch()
    save_model(replace(model, training_set=(labelled(source),)), "models/m.safetensors")
    assert recalled(Path("models/m.safetensors").absolute()).file() == source.absolute()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").rename(tmp_path / "new")
    item = recalled(tmp_path / "new" / "models" / "m.safetensors")
    assert item.file() == tmp_path / "new" / source
    (tmp_path / "new" / source).unlink()
    assert item.file() is None
    assert item.source == tmp_path / "new" / source  # for a message


def test_model_file_holds_no_path_of_the_machine(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B.2"""
    source = tmp_path / "micrographs" / "m1.mrc"
    model = replace(model, training_set=(labelled(source),))
    path = save_model(model, tmp_path / "models" / "m.safetensors")
    assert str(tmp_path).encode() not in path.read_bytes()
    assert recalled(path).source == source

    def on_another_drive(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", on_another_drive)
    path = save_model(model, tmp_path / "models" / "m.safetensors")
    assert recalled(path).source == tmp_path / "models" / "m1.mrc"


def test_path_that_an_older_file_names_is_looked_at_when_it_is_asked_for(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B.2: its model may have moved alone."""
    path = save_model(replace(model, training_set=(labelled(None),)), tmp_path / "m.safetensors")
    once_at = tmp_path / "elsewhere" / "m1.mrc"
    remembered(path, source=str(once_at), source_from_here="../gone/m1.mrc")
    looked_at: list[Path] = []

    def exists(path: Path) -> bool:
        looked_at.append(path)
        return path == once_at

    monkeypatch.setattr(Path, "exists", exists)
    item = recalled(path)
    assert looked_at == []
    assert item.file() == once_at
    assert looked_at == [tmp_path.parent / "gone" / "m1.mrc", once_at]


def test_name_that_is_no_text_does_not_make_a_model_unreadable(
    model: Model, tmp_path: Path
) -> None:
    """B.2: Linux allows any bytes in the names of files."""
    item = replace(labelled(tmp_path / "ice_5\udcb5m.mrc"), name="ice_5\udcb5m")
    model = replace(
        model, training_set=(item,), summary={"held_out": [PART | {"micrograph": item.name}]}
    )
    loaded = load_model(save_model(model, tmp_path / "m.safetensors"))
    assert loaded.training_set[0].name == "ice_5?m"


def test_entry_of_a_summary_without_a_value_is_none_at_all(model: Model, tmp_path: Path) -> None:
    """B.2: what reads a summary asks whether an entry is there."""
    path = save_model(model, tmp_path / "m.safetensors")
    names = "stopped", "refined", "held_out_curves", "score_mixtures", "tuning"
    resaved(path, lambda header, _: described(header, summary=dict.fromkeys(names)))
    assert load_model(path).summary == {}


def test_summary_of_a_training_comes_back_whole(tmp_path: Path) -> None:
    micrographs, labels = zip(*(blob_micrograph(seed) for seed in (1, 2)), strict=True)
    trained = train(micrographs, [Labels.of(each) for each in labels], box_size_px=24, epochs=1)
    assert {"held_out_curves", "score_mixtures", "recipe"} < trained.summary.keys()
    loaded = load_model(save_model(trained, tmp_path / "m.safetensors"))
    assert loaded.summary == trained.summary


def test_summary_says_how_the_first_of_a_line_was_trained(model: Model, tmp_path: Path) -> None:
    path = save_model(model, tmp_path / "m.safetensors")
    summary = {"start": "model", "first": FIRST}
    resaved(path, lambda header, _: described(header, summary=summary))
    first = FirstTraining.of(load_model(path))
    assert (first.start, first.recipe.name, first.recipe.epochs) == ("general", "modern", 5)
    assert first.epochs is None


def test_file_of_the_version_that_remembered_nothing_is_read(model: Model, tmp_path: Path) -> None:
    path = save_model(replace(model, training_set=(labelled(None),)), tmp_path / "m.safetensors")
    resaved(path, lambda header, _: header.pop("training_set"))
    assert load_model(path).training_set == ()


def test_missing_folders_are_made(model: Model, tmp_path: Path) -> None:
    assert save_model(model, tmp_path / "a" / "b" / "m.safetensors").is_file()


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_model_file_has_the_permissions_of_any_new_file(model: Model, tmp_path: Path) -> None:
    path = save_model(model, tmp_path / "m.safetensors")
    (tmp_path / "other").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_failed_write_leaves_the_older_model_and_nothing_else(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_model(model, tmp_path / "m.safetensors")
    before = path.read_bytes()

    def fill_the_disk(self: Path, _content: bytes) -> int:
        self.open("wb").write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_the_disk)
    with pytest.raises(InputError, match="the disk is full"):
        save_model(model, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["m.safetensors"]


def test_place_that_cannot_be_written_is_refused(model: Model, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file; choose another folder"):
        save_model(model, tmp_path / "file" / "m.safetensors")
    (tmp_path / "m.safetensors").mkdir()
    with pytest.raises(InputError, match="it is a folder"):
        save_model(model, tmp_path / "m.safetensors")


@pytest.mark.parametrize("path", [".", "..", "", "/", "folder", "folder.safetensors"])
def test_folder_for_a_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "folder.safetensors", "other.safetensors"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="it is a folder; choose another file name"):
        model_path(path)
    with pytest.raises(InputError, match="it is a folder; choose another file name"):
        model_path("other")  # which gets the suffix


def test_path_of_a_model_can_be_asked_for_before_there_is_one(tmp_path: Path) -> None:
    assert model_path(tmp_path / "new" / "klh") == tmp_path / "new" / "klh.safetensors"
    assert not (tmp_path / "new").exists()  # what is refused later leaves no empty folder
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file; choose another folder"):
        model_path(tmp_path / "file" / "klh")


def resaved(path: Path, change: Callable[[dict[str, str], dict[str, torch.Tensor]], None]) -> None:
    """Write a model file again after a change of its header or weights."""
    with safe_open(path, framework="pt") as file:
        header = dict(file.metadata())
        weights = {name: file.get_tensor(name) for name in list(file.keys())}
    change(header, weights)
    save_file(weights, path, metadata=header)


def remembered(path: Path, **changes: object) -> None:
    """Change what a model file remembers of its micrographs."""

    def change(header: dict[str, str], _: object) -> None:
        items = json.loads(header["training_set"])
        header["training_set"] = json.dumps([item | changes for item in items])

    resaved(path, change)


def described(header: dict[str, str], **changes: object) -> None:
    header["model"] = json.dumps(json.loads(header["model"]) | changes)


def without(header: dict[str, str], name: str) -> None:
    description = json.loads(header["model"])
    del description[name]
    header["model"] = json.dumps(description)


def kernels(header: dict[str, str], *sides: int) -> None:
    architecture = json.loads(header["model"])["architecture"]
    described(header, architecture=architecture | {"kernels": sides})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, w: h.update(version="2"), "format version 2, this program reads version 1"),
        (lambda h, w: h.update(version="0.9"), "format version 0.9"),
        (lambda h, w: h.pop("version"), "format version unknown"),
        (lambda h, w: h.update(format="other"), "not a model of napari-deepem"),
        (lambda h, w: h.clear(), "not a model of napari-deepem"),
        (lambda h, w: h.update(model="{"), "does not describe a whole model"),
        (lambda h, w: h.update(model="[]"), "does not describe a whole model"),
        (lambda h, w: h.pop("model"), "does not describe a whole model"),
        (lambda h, w: h.update(training_set="["), "does not describe a whole model"),
        (lambda h, w: h.update(training_set='["m1"]'), "does not describe a whole model"),
        (lambda h, w: h.update(inherited="["), "does not describe a whole model"),
        (lambda h, w: h.update(training_set='[{"name": "m1"}]'), "does not describe a whole"),
        (lambda h, w: without(h, "architecture"), "does not describe a whole model"),
        (lambda h, w: without(h, "binning"), "does not describe a whole model"),
        (lambda h, w: described(h, surprise=1), "does not describe a whole model"),
        (lambda h, w: described(h, std_range=[1.0]), "does not describe a whole model"),
        (lambda h, w: described(h, std_range=None), "does not describe a whole model"),
        (lambda h, w: kernels(h, 5, 2, 2), "does not describe a whole model"),
        (lambda h, w: kernels(h, 4, 2), "does not describe a whole model"),
        (lambda h, w: kernels(h, 6, 3, 4), "does not describe a whole model"),
        (lambda h, w: w.pop("output.bias"), "does not describe a whole model"),
        (lambda h, w: w.update(more=torch.zeros(3)), "does not describe a whole model"),
        (lambda h, w: w.update({"output.bias": torch.zeros(3)}), "does not describe a whole model"),
    ],
    ids=[
        *("newer version", "other version", "no version", "other format", "no header"),
        *("broken JSON", "JSON list", "no description"),
        *("broken memory", "memory of names", "broken inheritance", "memory without labels"),
        *("no architecture", "no binning"),
        *("unknown field", "short range", "no range", "kernels do not fit", "two kernels"),
        *("kernels of other weights", "weights missing", "weights more", "weights of other shape"),
    ],
)
def test_file_that_is_no_whole_model_is_refused_in_one_line(
    model: Model,
    tmp_path: Path,
    change: Callable[[dict[str, str], dict[str, torch.Tensor]], None],
    message: str,
) -> None:
    path = save_model(model, tmp_path / "m.safetensors")
    resaved(path, change)
    with pytest.raises(InputError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


NO_NUMBERS = "text", None, True, [], {}, 1e400, float("nan"), -1, 10**30


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("box_size_px", (*NO_NUMBERS, 0, 50.5, 20_000)),
        ("binning", (*NO_NUMBERS, 0, 0.01, 65)),
        ("pixel_size", ("text", True, [], 1e400, float("nan"), 0, -1)),
        ("threshold", (*NO_NUMBERS, 1.001)),
        ("smoothing", (*NO_NUMBERS, 1e6)),
        ("min_distance_px", ("text", True, [], 1e400, float("nan"), -1)),
        ("std_range", ([10**400, 1], [2, 1], [-1, 1], [0, 1, 2], ["a", "b"], [0, float("inf")])),
        ("recipe", (None, 3, "x" * 5000)),
        ("summary", (None, [], {"curve": None}, {"held_out": [{}]}, {"seed": "x"})),
        ("summary", ({"stopped": {"epochs": 9, "kept_epoch": 2}, "curve": SUMMARY["curve"]},)),
        ("summary", ({"held_out_curves": {"recall": [1.0, 0.0], "f2": [1.0, 0.5, 0.0]}},)),
        ("summary", ({"recipe": {"epochs": 10**9}}, {"recipe": {"batch_size": 10**9}})),
        ("summary", ({"start": "model"}, {"start": "luck"}, {"start": "model", "first": None})),
        ("summary", ({"start": "chance", "first": FIRST}, {"first": FIRST})),
        ("summary", ({"start": "model", "first": FIRST | {"start": "model"}},)),
        ("summary", ({"start": "model", "first": FIRST | {"epochs": 10**9}},)),
        ("architecture", (None, [], {}, "x")),
    ],
)
def test_value_that_no_model_has_is_refused_in_one_line(
    model: Model, tmp_path: Path, name: str, values: tuple[object, ...]
) -> None:
    """B.2: type, range and finiteness of all that a description says."""
    path = save_model(model, tmp_path / "m.safetensors")
    whole = path.read_bytes()
    for value in values:
        path.write_bytes(whole)
        resaved(path, lambda header, _, value=value: described(header, **{name: value}))
        with pytest.raises(InputError, match=r"not describe a whole model \(.+\): train again"):
            load_model(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"pools": [0, 2, 2]},
        {"pools": [-1, 2, 2]},
        {"kernels": [0, 2, 2]},
        {"box_px": float("inf")},
        {"box_px": 10**9},
        {"box_px": True},
        {"maps": [12000, 12000, 24]},
        {"maps": [0, 2, 2]},
        {"maps": [6.5, 12, 12]},
        {"activation": "tanh"},
        {"activation": None},
        {"layers": 3},
    ],
    ids=str,
)
def test_network_that_cannot_be_is_refused_before_it_is_built(
    model: Model, tmp_path: Path, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """B.2"""
    path = save_model(model, tmp_path / "m.safetensors")

    def change(header: dict[str, str], _: object) -> None:
        architecture = json.loads(header["model"])["architecture"]
        described(header, architecture=architecture | changes)

    resaved(path, change)
    monkeypatch.setattr("napari_deepem.io.models._network", None)
    with pytest.raises(InputError, match="does not describe a whole model"):
        load_model(path)


def test_text_that_nests_or_counts_without_end_is_refused(model: Model, tmp_path: Path) -> None:
    """B.2"""
    path = save_model(model, tmp_path / "m.safetensors")
    whole = path.read_bytes()
    for text in (
        "[" * 100_000,
        '{"threshold": ' + "9" * 5000 + "}",
        "[" + "1," * 3_000_000,
        '{"a":1,' * 200_000,
    ):
        for name in ("model", "training_set"):
            path.write_bytes(whole)
            resaved(path, lambda header, _, name=name, text=text: header.update({name: text}))
            with pytest.raises(InputError, match="does not describe a whole model"):
                load_model(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"positive_yx": [[1, 2, 3]]},
        {"positive_yx": [[1, float("nan")]]},
        {"negative_yx": [[1e300, 0]]},
        {"unsure_yx": "x"},
        {"complete": 1},
        {"name": None},
        {"source": "a\0b"},
        {"source_from_here": "/etc/m1.mrc"},
        {"source_from_here": "C:\\m1.mrc"},
        {"source_from_here": 3},
    ],
    ids=str,
)
def test_micrograph_that_no_training_had_is_refused(
    model: Model, tmp_path: Path, changes: dict[str, object]
) -> None:
    """B.2"""
    path = save_model(replace(model, training_set=(labelled(None),)), tmp_path / "m.safetensors")
    remembered(path, **changes)
    with pytest.raises(InputError, match=r"does not describe a whole model \(0\."):
        load_model(path)


def test_training_set_that_could_not_be_read_again_is_not_remembered(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B.2"""
    monkeypatch.setattr("napari_deepem.io.model_description.MOST_LABELS", 30)
    for n_labels, n_items in ((20, 1), (21, 0)):
        item = replace(labelled(None), labels=Labels.of(np.ones((n_labels, 2))))
        path = save_model(replace(model, training_set=(item,)), tmp_path / "m.safetensors")
        assert len(load_model(path).training_set) == n_items


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused(
    model: Model, tmp_path: Path, value: float
) -> None:
    """B.2"""
    path = save_model(model, tmp_path / "m.safetensors")
    resaved(path, lambda _, weights: weights["convolutions.1.weight"].view(-1)[3:4].fill_(value))
    with pytest.raises(InputError, match="weights that are no numbers"):
        load_model(path)


def test_weights_of_another_type_are_refused(model: Model, tmp_path: Path) -> None:
    """B.2"""
    path = save_model(model, tmp_path / "m.safetensors")
    resaved(path, lambda _, w: w.update({"output.bias": torch.zeros(1, dtype=torch.float64)}))
    with pytest.raises(InputError, match=r"output\.bias is of type F64, not F32"):
        load_model(path)


def test_header_out_of_proportion_is_refused_before_it_is_read(
    model: Model, tmp_path: Path
) -> None:
    """B.2"""
    path = tmp_path / "m.safetensors"
    path.write_bytes((2**40).to_bytes(8, "little") + b"{}")
    with pytest.raises(InputError, match="a header of 1099511627776 bytes"):
        load_model(path)
    save_model(model, path)
    resaved(path, lambda header, _: header.update({str(n): "" for n in range(1000)}))
    with pytest.raises(InputError, match="a header of very many entries"):
        load_model(path)


def test_file_of_the_first_version_is_read(model: Model, tmp_path: Path) -> None:
    """B.2: no smoothing, no training set, and a summary that told less."""
    path = save_model(model, tmp_path / "m.safetensors")
    summary = {"held_out": [], "held_out_f2": 0.5, "paths": ["/data/m1.mrc"]}
    later = "smoothing", "min_distance_px"

    def change(header: dict[str, str], _: object) -> None:
        del header["training_set"]
        for name in later:
            without(header, name)
        described(header, summary=summary)

    resaved(path, change)
    loaded = load_model(path)
    assert (loaded.smoothing, loaded.min_distance_px, loaded.training_set) == (0.0, None, ())
    assert loaded.summary == {"held_out": [], "held_out_f2": 0.5}  # and what nothing reads is gone


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 100, 0.5, 0.99, -1])
def test_truncated_model_is_refused_in_one_line(model: Model, tmp_path: Path, kept: float) -> None:
    path = save_model(model, tmp_path / "m.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if 0 < kept < 1 else int(kept)])
    with pytest.raises(InputError, match="damaged or not a model file") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        np.random.default_rng(0).bytes(5000),
        b"x,y\n1,2\n" * 50,
        bytes(4000),
        b"PK\x03\x04" + bytes(200),
    ],
    ids=["random bytes", "text", "zeros", "zip, as pickled checkpoints are"],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged or not a model file") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(InputError, match=r"no model file.*that training wrote"):
            load_model(path)
