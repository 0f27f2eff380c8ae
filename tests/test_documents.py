"""Tables in the documents that follow from the code, and links between documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import napari_deepem.cli.commands  # which the application has once they are imported
from napari_deepem.cli.app import app
from napari_deepem.core.network.architecture import TABLE_1, Architecture
from places import ROOT

DOCS = ROOT / "docs"
NAMES = {preset.box_px: name for name, preset in TABLE_1.items()}


def row_of(box_px: int) -> str:
    """A line of the table of architectures."""
    found = Architecture.for_box(box_px)
    cells = [
        f"{box_px} ({NAMES[box_px]})" if box_px in NAMES else box_px,
        " ".join(map(str, found.kernels)),
        " ".join(map(str, found.pools)),
        " ".join(map(str, found.map_sizes)),
        found.receptive_field_px,
        found.step_px,
        found.n_weights,
    ]
    return f"| {' | '.join(map(str, cells))} |"


def test_table_of_architectures_is_what_the_rules_give() -> None:
    lines = (DOCS / "architecture.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| box"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(line)
    boxes = [int(row.split("|")[1].split()[0]) for row in rows]
    assert boxes[0] == 24
    assert boxes[-1] == 512
    assert set(NAMES) <= set(boxes)
    assert rows == [row_of(box) for box in boxes]


def test_site_is_whole(tmp_path: Path) -> None:
    """A page or heading that a link misses, and a page without a place, are warnings: none is."""
    sphinx = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--fresh-env", "--quiet"]
    folders = ["--conf-dir", DOCS, "--doctree-dir", tmp_path / "doctrees", ROOT, tmp_path / "site"]
    built = subprocess.run([*sphinx, *folders], capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")

    site = tmp_path / "site"
    api = (site / "docs" / "api.html").read_text(encoding="utf-8")
    functions = set(re.findall(r'id="napari_deepem\.(\w+)"', api))
    assert functions >= set(napari_deepem.__all__) - {"__version__"}
    commands = (site / "docs" / "commands.html").read_text(encoding="utf-8")
    described = set(re.findall(r'id="cyclopts-napari-deepem-([\w-]+)"', commands))
    assert described >= {name for name in app if not name.startswith("-")}

    assert "docs/index.html" in (site / "index.html").read_text(encoding="utf-8")
    pages = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    elsewhere = re.findall(r"<(?:script|link|img)[^>]*://[^>]*>", "".join(pages))
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    elsewhere += re.findall(r"url\(.?(?:https?:)?//", "".join(styles))
    assert elsewhere == []  # it is read without a network
