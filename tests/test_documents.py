"""Tables in the documents that follow from the code."""

from __future__ import annotations

from pathlib import Path

from napari_deepem.core.network import TABLE_1, Architecture

DOCS = Path(__file__).resolve().parents[1] / "docs"
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
