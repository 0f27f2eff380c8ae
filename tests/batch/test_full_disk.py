"""A disk that fills up costs the micrographs of that time, and no other."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from blobs import blob_micrograph
from cli_runs import run
from napari_deepem.io.images import write_image
from napari_deepem.io.models import save_model
from networks import lively_model
from worker_runs import picked_files, temporary_files

FULL_FROM, FULL_TO = 2, 4  # writes of records, counted from 0


def test_full_disk_is_reported_leaves_nothing_half_written_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in range(5):
        micrograph, _ = blob_micrograph(seed)
        write_image(tmp_path / "data" / f"m{seed}.mrc", micrograph.image, 2.0)
    save_model(lively_model(24), tmp_path / "model.safetensors")
    command = ("pick", "data", "--model", "model.safetensors", "--report")
    assert run(*command, "--out", "expected") == 0
    capsys.readouterr()

    write_bytes, records = Path.write_bytes, 0

    def write_if_there_is_room(path: Path, content: bytes) -> int:
        nonlocal records
        if path.suffix == ".picked":
            records += 1
            if FULL_FROM < records <= FULL_TO:  # the picks, and the failure, of a micrograph
                write_bytes(path, content[: len(content) // 2])
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write_bytes(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_if_there_is_room)
        assert run(*command, "--out", "picks") == 3
    record = Path("picks") / "napari-deepem.run" / "m2.picked"
    text = capsys.readouterr().err
    assert f"cannot write {record}: the disk is full; choose another place" in text
    assert "1 of 5 micrographs could not be picked" in text
    assert temporary_files(Path("picks")) == []
    whole, part = picked_files(tmp_path / "expected"), picked_files(tmp_path / "picks")
    assert whole.keys() - part.keys() == {
        "m2.box", "m2.star", record.relative_to("picks").as_posix()
    }  # fmt: skip
    assert run(*command, "--out", "picks") == 0
    assert picked_files(tmp_path / "picks") == whole
