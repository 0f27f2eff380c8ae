"""Labels put into a session and saved, one after the other, as a window does; it needs none.

Run again it goes on where it was. Each label is told of on standard output when it is saved.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from napari_deepem.core.jobs import finish
from napari_deepem.core.types import Labels
from napari_deepem.session import Session
from napari_deepem.session.open_folder import opening
from napari_deepem.session.persistence import changes, held_by, restore, snapshot

LABELS = 60  # on each micrograph


def write_session(folder: Path) -> None:
    """Label every micrograph of a folder, saving after each label."""
    session, opened = Session(), finish(opening(folder))
    restore(session, opened)
    assert opened.file is not None, opened.remark
    saved = held_by(opened, session)
    for name in session.files:
        labels = session.labels.get(name)
        for number in range(len(labels.positive_yx) if labels else 0, LABELS):
            centres_yx = np.array([(row, 2.0 * row) for row in range(number + 1)])
            session.labels = {**session.labels, name: Labels.of(centres_yx)}
            session.box_size_px = 24 + number
            now = snapshot(session)
            sys.audit("chaos.save", folder)
            opened.file.write(changes(saved, now, folder))
            sys.audit("chaos.saved", folder)
            saved = now
            sys.stdout.write(f"{name} {number + 1}\n")
            sys.stdout.flush()
    opened.file.close()


if __name__ == "__main__":
    write_session(Path(sys.argv[1]))
