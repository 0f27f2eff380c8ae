"""The model that a session file holds, loaded in another thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from napari_deepem.controllers.workers import run
from napari_deepem.session import Session
from napari_deepem.session.open_folder import Opened, loading


def load_kept_model(
    session: Session,
    opened: Opened,
    content: bytes,
    *,
    on_loaded: Callable[[Any], object],
    on_other: Callable[[], object],
    on_failed: Callable[[Exception], object],
    is_wanted: Callable[[], bool],
) -> None:
    """Load the model of a folder's session file, and hand it on.

    Where the session has another model by then, or it is not wanted any more, `on_other` is called.
    Until then the session knows that a model is to come.
    """
    last_model = session.model
    session.models_to_come += 1

    def end(callback: Callable[..., object], *values: Any) -> None:
        session.models_to_come -= 1
        callback(*values)

    run(
        partial(loading, content, opened.folder),
        on_progress=lambda _: None,
        on_result=partial(end, on_loaded),
        on_failed=partial(end, on_failed),
        on_cancelled=partial(end, on_other),
        is_wanted=lambda: session.model is last_model and is_wanted(),
        owner=session,
    )
