"""A picker whose worker is lost with certain micrographs; a module, as workers import it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_deepem.batch.picker import Picker


@dataclass(frozen=True, eq=False, slots=True)
class DeadlyPicker(Picker):
    """One that kills its process, always or for as long as a file is there, which goes then."""

    always: str = ""  # the name of such a micrograph
    once: Path | None = None

    def source_of(self, path: Path) -> Any:
        if path.stem == self.always:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.once is not None and self.once.exists():
            self.once.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return Picker.source_of(self, path)
