from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates, Micrograph, ScoreMap
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.session import Scored, Session
from napari_deepem.session.export import FORMATS, write_all_picks, write_picks

CENTRES_YX = np.array([[40.0, 130.0], [90.0, 60.0]])


@pytest.fixture
def session() -> Session:
    """Two scored micrographs, 150 rows by 200 columns, with the same two candidates."""
    session = Session(threshold=0.5)
    session.model = SimpleNamespace(threshold=0.5, std_range=(0.0, 5.0), box_size_px=30)
    grid = np.zeros((2, 2), dtype=np.float32)
    session.micrographs = {name: Micrograph(np.zeros((150, 200)), name) for name in "ab"}
    session.current = "a"
    session.scored = {
        name: Scored(
            micrograph,
            session.model,
            ScoreMap(grid, grid, 0.0, 1.0, 30),
            Candidates(CENTRES_YX, np.array([0.9, 0.8]), np.ones(2), 30),
        )
        for name, micrograph in session.micrographs.items()
    }
    return session


@pytest.mark.parametrize("suffix", FORMATS.values())
def test_file_holds_the_picks_in_original_pixels(
    session: Session, suffix: str, tmp_path: Path
) -> None:
    path, count = write_picks(session, tmp_path / "picks", suffix)
    assert path == tmp_path / f"picks{suffix}"
    assert count == 2
    np.testing.assert_allclose(read_coordinates(path).centres_yx, CENTRES_YX, atol=0.51)


def test_all_picks_go_to_files_named_as_their_micrographs(session: Session, tmp_path: Path) -> None:
    session.threshold = 0.85
    paths = write_all_picks(session, tmp_path, ".star")
    assert paths == [tmp_path / "a.star", tmp_path / "b.star"]
    assert [len(read_coordinates(path)) for path in paths] == [1, 1]


def test_nothing_scored_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="score a micrograph"):
        write_picks(Session(), tmp_path / "picks", ".star")
    with pytest.raises(InputError, match="score a micrograph"):
        write_all_picks(Session(), tmp_path, ".star")


def test_missing_folder_is_said(session: Session, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        write_all_picks(session, tmp_path / "nowhere", ".star")


def test_folder_that_is_a_file_is_said(session: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        write_picks(session, tmp_path / "file" / "picks.star", ".star")
