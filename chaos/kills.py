"""Kill commands at random moments, run them again, and see whether it is as if nothing had been.

    python chaos/kills.py [--runs 60] [--command pick] [--seed 7] [--at-events]

Each time a command is started in a fresh folder, killed by SIGKILL or SIGTERM, and run again. Then
all files must be those of a run that nobody has killed, byte for byte but for dates, and no others.
A run that SIGTERM ends must leave no temporary file, say one line and end with 143.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

sys.path.insert(0, str(Path(__file__).parent))
from commands import LINES, Command, make_model, prepare
from forks import Fork, load_all

ENDS_WITHIN_S = 30.0  # SLURM sends SIGKILL so long after SIGTERM; a busy machine needs some of it
STOPPED = b"stopped; what was written so far is kept\n"


@dataclass
class Report:
    """What was killed where, and what went wrong after it."""

    kills: Counter[str] = field(default_factory=Counter)  # by signal
    places: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_end_s: float = 0.0

    def show(self, name: str) -> None:
        kills = ", ".join(f"{count} {what}" for what, count in sorted(self.kills.items()))
        places = ", ".join(f"{what} {count}" for what, count in sorted(self.places.items()))
        end = f"; slowest end {self.slowest_end_s:.1f} s" if self.slowest_end_s else ""
        print(f"{name}: {kills}; hit: {places}{end}")
        for failure in self.failures:
            print(f"  FAILED {failure}")
        sys.stdout.flush()


class Killing:
    """The killing of one command, time and again, in copies of one folder."""

    def __init__(self, command: Command, start: Path, rng: random.Random, at_events: bool) -> None:
        self.command, self.start, self.rng, self.at_events = command, start, rng, at_events
        self.folder, self.output = start.with_name("folder"), start.with_name("output")
        self.report = Report()
        folder, output = self._fresh_folder()
        began = monotonic()
        run_to_its_end(command, folder, output, at_events)
        self.seconds = monotonic() - began
        self.expected = command.content(folder)
        self.events = Fork.events_in(output) if at_events else 0

    def kill_once(self) -> None:
        number = self.rng.choice([signal.SIGKILL, signal.SIGTERM])
        folder, output = self._fresh_folder()
        if self.at_events:
            moment = f"event {(at := self.rng.randint(1, self.events))} of {self.events}"
            process = Fork(self.command, folder, output, at, number)
            process.wait()
            ended_after, place = 0.0, process.place  # from which moment on is not known
        else:
            share = self.rng.uniform(0, 1.05)
            moment = f"{100 * share:.0f} % of {self.seconds:.1f} s"
            process = self.command.start(folder, output)
            sleep(share * self.seconds)
            process.send_signal(number)
            ended_after = waited_s(process)
            place = self._progress(folder)
        code, text = process.returncode, output.read_bytes()
        left = leftovers(folder)
        problem = self._problem(number, code, text, ended_after, left)
        if not problem:
            problem = self._run_again(folder, output)
        self.report.kills[signal.Signals(number).name] += 1
        self.report.places[place] += 1
        self.report.places["temporary files there"] += bool(left)
        self.report.slowest_end_s = max(self.report.slowest_end_s, ended_after)
        if problem:
            name = signal.Signals(number).name
            self.report.failures.append(f"{name} at {moment} ({place}): {problem}")

    def _run_again(self, folder: Path, output: Path) -> str:
        try:
            run_to_its_end(self.command, folder, output, self.at_events)
        except RuntimeError as error:
            return f"then {error}"
        return differences(self.expected, self.command.content(folder))

    def _problem(
        self, number: int, code: int, text: bytes, ended_after: float, left: list[str]
    ) -> str:
        if ended_after > ENDS_WITHIN_S:
            return "did not end"
        if number == signal.SIGKILL or code == 0:  # it was over
            return "" if code in (0, -number) else f"ended with {code}: {text.decode()[-2000:]}"
        if left:
            return f"left {left}"
        if code == -number:  # before Python could hear of it, or a program that does not listen
            return ""
        if code != 128 + number or not text.endswith(STOPPED) or b"Traceback" in text:
            return f"ended with {code}: {text.decode()[-2000:]}"
        return ""

    def _progress(self, folder: Path) -> str:
        there = set(_names(folder)) - set(_names(self.start))  # nothing is opened yet
        expected = set(self.expected) - set(_names(self.start))
        if not there:
            return "before the first file"
        return "after the last file" if expected <= there else "between files"

    def _fresh_folder(self) -> tuple[Path, Path]:
        """The folder to work in, always of the same name, and a file for what is said."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.start, self.folder)
        return self.folder, self.output


def run_to_its_end(command: Command, folder: Path, output: Path, forked: bool) -> None:
    """Run a command that nobody kills; RuntimeError if it fails."""
    process = Fork(command, folder, output) if forked else command.start(folder, output)
    code = process.wait()
    if code:
        raise RuntimeError(f"{command.name} ended with {code}: {output.read_text()[-3000:]}")


def waited_s(process: subprocess.Popen[bytes]) -> float:
    began = monotonic()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return ENDS_WITHIN_S + 1
    return monotonic() - began


def leftovers(folder: Path) -> list[str]:
    return [str(p.relative_to(folder)) for p in folder.rglob(".napari-deepem-*-*-*")]


def differences(expected: dict[str, bytes], content: dict[str, bytes]) -> str:
    """What is different after the second run; empty if nothing is."""
    texts = [f"lacks {name}" for name in sorted(expected.keys() - content.keys())]
    texts += [f"has {name}" for name in sorted(content.keys() - expected.keys())]
    same = expected.keys() & content.keys()
    texts += [f"has another {name}" for name in sorted(same) if expected[name] != content[name]]
    return ", ".join(texts)


def _names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=60, help="kills in all")
    parser.add_argument("--command", choices=LINES, action="append", help="by default all")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--at-events",
        action="store_true",
        help="kill as files are opened, renamed or removed, in forks of one process, which is fast",
    )
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    commands = [Command(name) for name in options.command or LINES]
    print(f"seed {seed}")
    if options.at_events:
        load_all()
    failures = 0
    with TemporaryDirectory(prefix="chaos-") as temporary:
        start = Path(temporary) / "start"
        prepare(start)

        def run(command: Command, folder: Path) -> None:
            run_to_its_end(command, folder, Path(temporary) / "output", options.at_events)

        make_model(start, run)
        for number, command in enumerate(commands):
            killing = Killing(
                command, start, random.Random(f"{seed} {command.name}"), options.at_events
            )
            share = range(number, options.runs, len(commands))
            for _ in share:
                killing.kill_once()
            killing.report.show(command.name)
            failures += len(killing.report.failures)
    print(f"{options.runs} kills, {failures} failures, seed {seed}")
    sys.exit(failures > 0)


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main()
