"""Tables in the documents that follow from the code, and links between documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from napari_deepem.core.network.architecture import TABLE_1, Architecture
from places import ROOT

DOCS = ROOT / "docs"
PAGES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "benchmarks/README.md",
    "benchmarks/RESULTS.md",
    "docs/ablation.md",
    "docs/architecture.md",
    "docs/classes.md",
    "docs/clusters.md",
    "docs/comparison.md",
    "docs/deepem2017.md",
    "docs/few_clicks.md",
    "docs/formats.md",
    "docs/general.md",
    "docs/guide.md",
    "docs/reproduction.md",
    "docs/thousands.md",
    "docs/tuning.md",
)
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


def anchors_of(path: Path) -> set[str]:
    """What the headings of a page are linked by, as GitHub makes it of them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_to_a_file_of_ours_leads_somewhere(name: str) -> None:
    page = ROOT / name
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        path = page.parent / target if target else page
        assert path.exists(), link
        assert not anchor or anchor in anchors_of(path), link
