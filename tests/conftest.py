import os
from pathlib import Path

import pytest
from hypothesis import settings

from places import SHARED_DATA

# Threads that wait for a core spin: on a busy machine two train a tiny network far slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A property that is slow on a busy machine is still true.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real micrographs and coordinate files beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data in {SHARED_DATA}")
    return SHARED_DATA
