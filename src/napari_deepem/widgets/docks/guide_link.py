"""Where the guide is: on the site that the package names, or in the checkout that it runs from."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

PACKAGE, LABEL = "napari-deepem", "Documentation"  # that has it, and what the site is called there
PAGE = "docs/guide.html"  # of the site
CHECKOUT = Path(__file__).resolve().parents[4]


def guide_link(heading: str) -> str:
    """The address of a section of the guide; empty where there is no guide."""
    anchor = anchor_of(heading)
    if site := site_address():
        return f"{site.rstrip('/')}/{PAGE}#{anchor}"
    built, source = CHECKOUT / "build" / "site" / PAGE, CHECKOUT / "docs" / "guide.md"
    for page in (built, source):
        if page.is_file():
            return f"{page.as_uri()}#{anchor}"
    return ""


def site_address() -> str:
    """The address of the site, in `project.urls` of the package; empty where it names none."""
    try:
        addresses = metadata(PACKAGE).get_all("Project-URL") or []
    except PackageNotFoundError:  # run from its sources
        return ""
    named = dict(re.split(r"\s*,\s*", address, maxsplit=1) for address in addresses)
    return str(named.get(LABEL, ""))


def anchor_of(heading: str) -> str:
    """The anchor of a heading, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
