"""Signals end a command in good order, and soon (item 4)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli_runs import run
from napari_deepem.cli.signals import STOPPED
from patience import PATIENCE_S

if sys.platform == "win32":
    pytest.skip("signals are those of POSIX", allow_module_level=True)

SCRIPT = """
import hashlib, sys, threading, time, types
from concurrent.futures import ThreadPoolExecutor
from napari_deepem.cli import main, signals

def run_command(_):
    print("ready", flush=True)
{body}

commands = types.ModuleType("napari_deepem.cli.commands")
commands.run_command = run_command
sys.modules[commands.__name__] = commands
main([])
"""
WAITING = "time.sleep(60)"
IN_A_LIBRARY = "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)"  # hears of no signal
DEAF = """signals.GRACE_S = 0.2
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            pass"""
CLEANING = """try:
        print("working", flush=True)
        time.sleep(60)
    finally:
        print("cleaning", flush=True)
        time.sleep(0.3)
        print("cleaned", flush=True)"""
ANSWERING = """for line in sys.stdin:
        print(line, end="", flush=True)"""


@contextmanager
def command(body: str, *ignored: signal.Signals) -> Iterator[subprocess.Popen[str]]:
    """A command that does what the body says, and is ready to be told to stop."""

    def set_signals() -> None:  # whatever the tests themselves were started with, such as nohup
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handler = signal.SIG_IGN if number in ignored else signal.SIG_DFL
            signal.signal(number, handler)

    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(body=f"    {body}")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=set_signals,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_command_says_one_line_and_how_it_was_ended(number: signal.Signals, code: int) -> None:
    with command(WAITING) as process:
        process.send_signal(number)
        assert process.communicate(timeout=PATIENCE_S) == ("", f"{STOPPED}\n")
        assert process.returncode == code


@pytest.mark.parametrize(
    "body",
    [
        DEAF,
        f"signals.GRACE_S = 0.2; {IN_A_LIBRARY}",
        f"signals.GRACE_S = 0.2; ThreadPoolExecutor().submit(lambda: {IN_A_LIBRARY}).result()",
    ],
    ids=["deaf", "in a library", "waiting for a thread"],
)
def test_command_that_does_not_stop_is_ended(body: str) -> None:
    with command(body) as process:
        process.send_signal(signal.SIGTERM)
        _, shown = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 143
        assert set(shown.splitlines()) == {STOPPED}


def test_further_signals_do_not_cut_the_cleaning_short() -> None:
    with command(CLEANING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "cleaning\n"
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
        assert process.communicate(timeout=PATIENCE_S) == ("cleaned\n", f"{STOPPED}\n")
        assert process.returncode == 143


def test_signals_that_were_ignored_stay_so() -> None:
    """As `nohup` and a shell's background leave them."""
    with command(ANSWERING, signal.SIGINT, signal.SIGHUP) as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("there?\n")
        process.stdin.flush()
        assert process.stdout.readline() == "there?\n"
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
        assert process.returncode == 143


def test_terminal_that_is_gone_hides_nothing() -> None:
    """SIGHUP says that it is: then nothing can be written to it."""
    with command(CLEANING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
        process.send_signal(signal.SIGHUP)
        process.wait(PATIENCE_S)
        assert process.returncode == 129


def test_signals_mean_afterwards_what_they_did_before(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    assert run("--version") == 0
    assert [signal.getsignal(number) for number in numbers] == before
    assert capsys.readouterr().err == ""
