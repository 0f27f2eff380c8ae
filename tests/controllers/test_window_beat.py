from __future__ import annotations

import pytest

from napari_deepem.controllers import window_beat
from napari_deepem.controllers.window_beat import WindowBeat


def test_window_is_late_while_it_is_at_something_unless_it_stays_there(
    qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_beat, "perf_counter", lambda: now)
    beat, now = WindowBeat(), 100.0
    assert not beat.is_late()  # nobody has wanted to know yet
    beat.start()
    assert not beat.is_late()
    now += 2 * window_beat.LATE_S  # no beat meanwhile
    assert beat.is_late()
    qtbot.waitUntil(lambda: not beat.is_late())  # its loop has come round
    now += 2 * window_beat.BLOCKED_S
    assert not beat.is_late()  # it may wait for who asks
    beat.end()
