"""Feed one reader, in this process, with files that libFuzzer mutates; `fuzz.py` starts this.

python fuzz/one_reader.py star SECONDS SEED FOLDER
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from hashlib import sha256
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["napari_deepem.io", "napari_deepem.session", "starfile"]):
    from readers import READERS, Reader

    import napari_deepem
    from napari_deepem.core.errors import InputError

LONGEST_S = 5.0
MOST_BYTES = 500 << 20
LARGEST_INPUT = 1 << 20


class Findings:
    """What readers did that they should not, once for each place in the code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count: Counter[str] = Counter()
        self.inputs = 0
        self.refused = 0

    def add(self, kind: str, content: bytes, told: str) -> None:
        """Keep a kind's first input, and say it."""
        self.count[kind] += 1
        if self.count[kind] == 1:
            name = sha256(kind.encode()).hexdigest()[:12]
            (self.folder / name).write_bytes(content)
            (self.folder / f"{name}.txt").write_text(told)
            print(f"FINDING {kind}\n{told}", flush=True)

    def save(self) -> None:
        """Write the counts, for the process that started this one."""
        content = {"inputs": self.inputs, "refused": self.refused, "findings": self.count}
        (self.folder / "counts.json").write_text(json.dumps(content))


class Target:
    """A reader in a folder of its own, watched."""

    def __init__(self, reader: Reader, findings: Findings) -> None:
        self.reader, self.findings = reader, findings
        self.parent = Path(tempfile.mkdtemp(prefix="fuzz-"))
        self.folder = self.parent / "in"
        os.environ["HOME"] = str(self.folder / "home")  # where a session goes that can't be used

    def __call__(self, content: bytes) -> None:
        """Read one input, and note what went wrong."""
        packed = self.reader.pack(content)
        self.folder.mkdir()
        path = self.folder / self.reader.file_name
        path.write_bytes(packed)
        start = time.perf_counter()
        try:
            self.reader.read(path)
        except InputError as error:
            self.findings.refused += 1
            if "\n" in str(error):
                self.findings.add("a message of several lines", packed, str(error))
        except Exception as error:
            self.findings.add(_place_of(error), packed, traceback.format_exc())
        seconds = time.perf_counter() - start
        if seconds > LONGEST_S:
            self.findings.add("slow", packed, f"{seconds:.1f} s")
        names = [entry.name for entry in self.parent.iterdir()]
        if names != ["in"]:
            self.findings.add("wrote outside", packed, str(names))
        shutil.rmtree(self.parent)
        self.parent.mkdir()
        self.findings.inputs += 1
        if self.findings.inputs % 100 == 0:
            self.findings.save()


def _place_of(error: Exception) -> str:
    """The kind of an exception: its class, and the last line of ours that it went through."""
    package = str(Path(napari_deepem.__file__).parent)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(package)] or frames
    return f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"


def fuzz(reader: Reader, seconds: int, seed: int, folder: Path) -> None:
    """Feed a reader, for so long; libFuzzer ends the process."""
    corpus = folder / "corpus"
    if not corpus.exists():
        corpus.mkdir(parents=True)
        reader.write_seeds(corpus)
        if all(_is_refused(path, reader) for path in corpus.iterdir()):
            sys.exit("every seed is refused: mend readers.py")
    findings = Findings(folder)
    target = Target(reader, findings)

    def mutate(content: bytes, most: int, number: int) -> bytes:
        chance = random.Random(number)
        changed = reader.mutate(content, chance) if chance.random() < 0.5 else None
        return atheris.Mutate(content, most) if changed is None else changed[:most]

    used = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) << 10
    limit = used + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    options = [
        f"-max_total_time={seconds}", f"-max_len={LARGEST_INPUT}", f"-timeout={3 * LONGEST_S:.0f}",
        f"-seed={seed}", f"-artifact_prefix={folder}/", "-rss_limit_mb=0", "-verbosity=0",
        "-len_control=0",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], target, custom_mutator=mutate)
    atheris.Fuzz()


def _is_refused(seed: Path, reader: Reader) -> bool:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / reader.file_name
        path.write_bytes(reader.pack(seed.read_bytes()))
        try:
            reader.read(path)
        except InputError:
            return True
    return False


if __name__ == "__main__":
    _, name, seconds, seed, folder = sys.argv
    fuzz(READERS[name], int(seconds), int(seed), Path(folder))
