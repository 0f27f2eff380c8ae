"""The words for figures of picks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def shown_name(name: str, curves: Mapping[str, Any]) -> str:
    """The name of a held-out figure as it is shown: F2 of partial labels is an estimate."""
    return "F2 about" if name == "F2" and "precision" not in curves else name


def precision_text(estimate: Any) -> str:
    """A `PrecisionEstimate` in a line: the share of picks that is right, or why it is not told."""
    if estimate is None:
        return ""
    if estimate.precision is None:
        return f"How many are right here is not told: {estimate.withheld}"
    margin = 200 * estimate.error  # percent: two standard deviations
    return f"About {estimate.precision:.0%} right here (\N{PLUS-MINUS SIGN} {margin:.0f})"
