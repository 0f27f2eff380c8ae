"""Signals that end a command: SIGTERM and SIGHUP as Ctrl-C does, and within seconds.

Imports nothing that takes time, so that they are heard from the start.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import sleep
from types import FrameType
from typing import Any

STOPPED = "stopped; what was written so far is kept"
GRACE_S = 5.0  # then a block ends that does not stop: it waits for a disk or another thread
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows lacks the last


class Stopped(KeyboardInterrupt):
    """The end of a command that a signal asks for."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number  # as shells tell of a signal


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """A block in which a signal that asks the program to end raises `Stopped`.

    Further ones are ignored while it ends. Those that whoever started the program has ignored, as
    `nohup` does, stay so. Where the block does not end in `GRACE_S`, the program does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopping = _Stopping()
    try:
        yield
    except BaseException as error:
        if stopping.number and not isinstance(error, Stopped):  # such as: the terminal is gone
            raise Stopped(stopping.number) from error
        raise
    finally:
        stopping.close()


class _Stopping:
    """The handlers of signals, and a thread that ends a program which does not stop by itself."""

    def __init__(self) -> None:
        self.number = 0  # of the signal that came
        numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
        self._before = {number: signal.getsignal(number) for number in numbers}
        if self._before[signal.SIGINT] is signal.SIG_IGN:
            # A window must hear of the others: napari listens only where SIGINT has a handler.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        for number, handler in self._before.items():
            if number == signal.SIGINT:
                signal.signal(number, self._stop)
            elif handler is not signal.SIG_IGN:
                signal.signal(number, _as_interrupt)
        receiver, self._sender = socket.socketpair()
        self._sender.setblocking(False)
        # Told at once, also while this thread is in a library.
        self._wakeup = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=_end_late, args=(receiver, numbers), daemon=True).start()

    def close(self) -> None:
        """Put back the handlers that were there before, unless the program is ending."""
        if self.number:
            return
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._before[signal.SIGINT] is signal.SIG_IGN:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        self._sender.close()

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.number = number
        for each in self._before:
            signal.signal(each, signal.SIG_IGN)  # or a second one would cut the cleaning short
        with suppress(OSError):  # a window has listened till now
            self._sender.send(bytes([number]))
        signal.set_wakeup_fd(self._wakeup)
        self._sender.close()
        raise Stopped(number)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """What Ctrl-C does now, which is another thing while a window is open."""
    handler: Any = signal.getsignal(signal.SIGINT)
    handler(number, frame)


def _end_late(receiver: socket.socket, numbers: list[int]) -> None:
    """End the program some time after one of these signals, if it has not ended by then."""
    with receiver:
        while received := receiver.recv(1):
            if received[0] in numbers:
                sleep(GRACE_S)
                with suppress(OSError):
                    os.write(2, f"{STOPPED}\n".encode())
                os._exit(128 + received[0])
