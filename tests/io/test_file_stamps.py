import os
import shutil
from pathlib import Path

from napari_deepem.io.file_stamps import content_stamp_of


def test_another_file_of_the_same_size_and_time_has_another_stamp(tmp_path: Path) -> None:
    """B.4: and a copy the same."""
    one, other, copy = (tmp_path / name for name in ("one.mrc", "other.mrc", "copy.mrc"))
    one.write_bytes(bytes(99_999) + b"1")
    other.write_bytes(bytes(99_999) + b"2")
    shutil.copy2(one, copy)
    for path in (one, other):
        os.utime(path, ns=(10**18, 10**18))
    shutil.copy2(one, copy)
    assert content_stamp_of(one) == content_stamp_of(copy) != content_stamp_of(other)
    assert content_stamp_of(tmp_path) is None
    assert content_stamp_of(tmp_path / "none.mrc") is None
