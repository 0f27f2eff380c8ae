"""Feed readers with files that libFuzzer mutates, and tell what is neither a value nor refused.

python fuzz/fuzz.py star --seconds 60
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from readers import READERS

ROOT = Path(__file__).resolve().parents[1]


def report(name: str, seconds: int, seed: int) -> bool:
    """Fuzz one reader in processes of its own, and say what came out; whether nothing was found."""
    folder = ROOT / "build" / "fuzz" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    inputs, refused, kinds = 0, 0, Counter[str]()
    end = time.monotonic() + seconds
    while (left := round(end - time.monotonic())) > 0:
        script = Path(__file__).with_name("one_reader.py")
        command = [sys.executable, script, name, str(left), str(seed), folder]
        outcome = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
        counts = folder / "counts.json"
        if counts.exists():
            content: dict[str, Any] = json.loads(counts.read_text())
            inputs, refused = inputs + content["inputs"], refused + content["refused"]
            kinds.update(content["findings"])
            counts.unlink()
        elif outcome.returncode:
            print(outcome.stderr, file=sys.stderr)
            return False
        if outcome.returncode:  # libFuzzer gives up after what ends a process
            kinds[f"ended with {outcome.returncode}, see timeout-* or crash-* there"] += 1
        seed += 1
    print(f"{name}: {inputs} inputs, {refused} refused, {len(kinds)} findings {dict(kinds) or ''}")
    return not kinds


def main() -> None:
    """Fuzz the readers that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=[*READERS, "all"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    names = list(READERS) if options.reader == "all" else [options.reader]
    sound = [report(name, options.seconds, options.seed) for name in names]  # all of them
    sys.exit(not all(sound))


if __name__ == "__main__":
    main()
