"""How fast and how large: everything that `make bench` measures: benchmarks/RESULTS.md.

    python benchmarks/speed.py                    # all of it, some ten minutes
    python benchmarks/speed.py scoring sliders    # these parts; the others stay as they are known

Each part is a script of its own, run in a process of its own that prints its figures as JSON.
They are kept in benchmarks/results/speed.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scoring
from pages import table
from trials import ROOT, commit, machine

from napari_deepem.batch.figures import saved_figure
from napari_deepem.io.atomic import replacing

HERE = Path(__file__).parent
KNOWN = HERE / "results" / "speed.json"
PAGE = HERE / "RESULTS.md"
CHART = HERE / "results" / "sizes.png"
SECONDS = ("seconds", "seconds_to_98_percent")  # of the clock, and of the processor
PARTS = ("scoring", "whole_way", "training", "sliders")

Figures = dict[str, Any]


def main() -> None:
    """Measure the parts that are named, write the page and the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    known = json.loads(KNOWN.read_text()) if KNOWN.is_file() else {}
    for part in parser.parse_args().parts or PARTS:
        print(f"measuring {part} ...", flush=True)
        made = {"machine": machine(), "commit": commit()}
        known[part] = {"made": made, **run(part)}
        with replacing(KNOWN) as temporary:
            temporary.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    if "scoring" in known:
        draw_sizes(known["scoring"]["sizes"])
    with replacing(PAGE) as temporary:
        temporary.write_text("\n\n".join(page(known)) + "\n", encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


def run(part: str) -> Figures:
    """The figures of one script; one that opens a window is given a display if there is none."""
    command = [sys.executable, str(HERE / f"{part}.py")]
    if part == "sliders" and not os.environ.get("DISPLAY") and shutil.which("xvfb-run"):
        command = ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", *command]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(told.stdout[told.stdout.index("{") :]))


def page(known: Figures) -> Iterator[str]:
    """The paragraphs of RESULTS.md."""
    yield "# How fast"
    yield ABOUT
    for part, write in (
        ("scoring", scoring_parts),
        ("whole_way", whole_way_parts),
        ("training", training_parts),
        ("sliders", sliders_parts),
    ):
        if part in known:
            made = known[part]["made"]
            lines = list(write(known[part]))
            yield lines[0]
            yield f"*{made['machine']}, commit {made['commit']}.*"
            yield from lines[1:]


def scoring_parts(found: Figures) -> Iterator[str]:
    """Speed, memory, and both against size."""
    yield "## Scoring a micrograph"
    yield SCORING.format(peak=found["peak_gflops"], device=found["device"])
    rows = [
        [
            name,
            f"{one['side']} px",
            f"{one['box_by_box_s']:.1f} s, {one['boxes']} boxes",
            f"{one['dense_s']:.2f} s, {one['scores']} scores",
            f"{one['dense_at_20_s']:.2f} s",
            f"**{one['ratio']:.0f}**",
            str(scoring.WANTED.get(name, "")),
            f"{one['share_of_peak']:.0%}",
        ]
        for name, one in found["presets"].items()
    ]
    titles = ["", "side", "box by box", "dense", "dense, at 20 px", "ratio", "wanted", "of peak"]
    yield table(titles, rows)
    yield SIZES
    yield "![Seconds and memory against the size of a micrograph](results/sizes.png)"
    rows = [
        [
            name,
            *(f"{one['seconds']:.1f} s, {one['peak_bytes'] / 1e6:.0f} MB" for one in sizes),
            f"{exponent(sizes):.2f}",
        ]
        for name, sizes in found["sizes"].items()
    ]
    sides = [f"{side} px" for side in scoring.SIZES]
    yield table(["", *sides, "time ~ pixels^"], rows)


def exponent(sizes: list[Figures]) -> float:
    """The power of the number of pixels that time grows with: the slope of a line through logs."""
    pixels, seconds = (
        [np.log(one[k] ** p) for one in sizes] for k, p in (("side", 2), ("seconds", 1))
    )
    return float(np.polyfit(pixels, seconds, 1)[0])


def draw_sizes(sizes: dict[str, list[Figures]]) -> None:
    """Time and peak memory against pixels, one line a network."""
    with saved_figure(CHART, 9.0, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        for name, of in sizes.items():
            megapixels = [one["side"] ** 2 / 1e6 for one in of]
            left.loglog(megapixels, [one["seconds"] for one in of], "o-", label=name)
            right.semilogx(megapixels, [one["peak_bytes"] / 1e6 for one in of], "o-", label=name)
        left.set(xlabel="megapixels", ylabel="seconds")
        right.set(xlabel="megapixels", ylabel="MB above the image and the idle process", ylim=0)
        right.axhline(1000, color="0.5", ls=":")
        for axes in (left, right):
            axes.grid(alpha=0.3)
        left.legend(frameon=False)


def whole_way_parts(found: Figures) -> Iterator[str]:
    """Where the time of a whole micrograph goes."""
    yield "## From file to file"
    yield WHOLE_WAY
    seconds, shares = found["seconds"]["wall"], found["shares"]["wall"]
    rows = [[name, f"{seconds[name]:.3f} s", f"{shares[name]:.1%}"] for name in seconds]
    yield table(["", "seconds", "share"], rows)
    preparing = found["preparing"]
    yield (
        f"Preparing takes {preparing['without']:.2f} s of a processor, and "
        f"{preparing['with']:.2f} s with a padded band, a dead row and a gap to find "
        f"({preparing['ratio']:.2f} times). Picking several such files takes "
        f"{found['overlap']['wall_each']:.2f} s each: the next is read while this one is scored."
    )
    rows = [[name, f"{megabytes:.0f} MB"] for name, megabytes in found["memory_mb"].items()]
    yield table(["preparing 8192 x 8192 px", "above the image itself"], rows)


def training_parts(found: Figures) -> Iterator[str]:
    """An epoch, the whole of it, and going on."""
    yield "## Training"
    clock = {name: found[name][0] for name in found if name.endswith(SECONDS)}
    yield TRAINING.format(**found | clock)
    epoch = found["epoch"]
    rows = [
        [loop, f"{epoch[loop]['wall']:.2f} s", f"{epoch[loop]['cpu']:.2f} s"]
        for loop in ("straightforward", "ours")
    ]
    ratio = epoch["ratio"]
    rows.append(["ratio", f"**{ratio['wall']:.2f}**", f"{ratio['cpu']:.2f}"])
    yield table(["one epoch", "clock", "processor"], rows)


def sliders_parts(found: Figures) -> Iterator[str]:
    """The selection alone, and a window."""
    yield "## Sliders"
    select, window = found["select"], found["window"]
    yield SLIDERS.format(candidates=select["candidates"], picks=window["picks"])
    rows = [
        [name, *map(str, _values(value))] for name, value in select.items() if name != "candidates"
    ]
    yield table(["a change of", "ms"], rows)
    rows = [
        [name, *(f"{value:.1f}" for value in of.values())]
        for name, of in window.items()
        if isinstance(of, dict)
    ]
    titles = list(next(of for of in window.values() if isinstance(of, dict)))
    yield table(["dragging", *(f"{title}, ms" for title in titles)], rows)


def _values(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [", ".join(f"{key} {number:.1f}" for key, number in value.items())]
    return [f"{value:.1f}"]


ABOUT = """\
*Written by `python benchmarks/speed.py` (`make bench`). [README.md](README.md) says how to read
it.* Ratios are of two ways measured in one run on one machine, one after the other; seconds are of
that machine alone."""

SCORING = """\
The four networks of the paper's Table 1 with its maps and sigmoid, and the default recipe's and
`wide` for the inflammasome's box of 112 px, unbinned; random weights, noise. *Box by box* is the
paper's way, in batches: so many of its boxes are measured and the time scaled to all. *Dense* is a
score every 8 px (12 px for 19s and klh), with the standard deviation of every box. *Of peak* is the
rate of the convolutions' operations, counted as direct ones, to that of a large float32 matrix
product here, {peak:.0f} GFLOP/s; by way of the Fourier transform it can exceed 100 %. Device:
{device}."""

SIZES = """\
Time and the most memory that a whole `score` needs, preparing included, above what the idle process
and the recorded image take, each in a process of its own."""

WHOLE_WAY = """\
A file of 7420 x 7676 float32 pixels, binned 4 times, with the default recipe; the least of some
runs."""

TRAINING = """\
200 particles clicked on 8 simulated micrographs, boxes of 112 px, the default recipe,
{threads} threads. All {epochs} epochs take {seconds:.0f} s; 98 % of the final average precision on
held-out boxes ({final_held_out_ap:.3f}) is reached after {epochs_to_98_percent} epochs,
{seconds_to_98_percent:.1f} s. Going on from the model after 20 more clicks takes
{continue_seconds:.1f} s. The straightforward loop has the same batches, and the network as a module
on float32 boxes, differentiated by autograd."""

SLIDERS = """\
A selection among {candidates} candidates, and {picks} picks drawn in a window of 1280 x 800 px
while a slider is dragged; without a graphics card the processor draws. 30 frames a second are 33
ms."""

if __name__ == "__main__":
    main()
