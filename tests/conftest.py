import os
from pathlib import Path

import pytest
from hypothesis import settings

# Threads that wait for a core spin: on a busy machine two train a tiny network far slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A property that is slow on a busy machine is still true.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real micrographs and coordinate files beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}")
    return folder
