import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from qtpy.QtCore import QSettings

import relion
import slurm
from places import SHARED_DATA

# Threads that wait for a core spin: on a busy machine two train a tiny network far slower than one,
# so there is one; and where a test wants two or three, they sleep instead.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A property that is slow on a busy machine is still true.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests of programs that are not installed are skipped, saying how to install them."""
    if not relion.IS_INSTALLED and item.get_closest_marker(relion.needs_relion.name):
        pytest.skip(relion.NOT_INSTALLED)
    if not slurm.IS_INSTALLED and item.get_closest_marker(slurm.needs_slurm.name):
        pytest.skip(slurm.NOT_INSTALLED)


@pytest.fixture(autouse=True, scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of the tests' own: sessions are kept there where they can't be elsewhere."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "home", lambda: folder)
        yield folder


@pytest.fixture(autouse=True, scope="session")
def settings_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the user has set is neither read nor changed."""
    folder = tmp_path_factory.mktemp("settings")
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))
    return folder


@pytest.fixture(autouse=True)
def _nothing_is_remembered(settings_folder: Path) -> None:
    """Nothing is remembered from one test to the next."""
    for path in settings_folder.rglob("*.ini"):
        path.unlink()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real micrographs and coordinate files beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data in {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def scorings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the micrographs that a network has scored."""
    from napari_deepem.core.picking import scoring

    names: list[str] = []
    score_tiles = scoring.score_tiles

    def noted(micrograph, *arguments):
        names.append(micrograph.name)
        return score_tiles(micrograph, *arguments)

    monkeypatch.setattr(scoring, "score_tiles", noted)
    return names
