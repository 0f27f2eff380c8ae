"""The documents as a site: `make docs`.

Its sources are the pages as GitHub shows them, wherever they lie: the root of the repository is
the root of the sources, so that a relative link is right in both.
"""

from __future__ import annotations

import napari_deepem.cli.commands  # noqa: F401 - what the page of commands is made of
from napari_deepem import __version__

project = "napari-deepem"
author = "The napari-deepem developers"
copyright = f"2026, {author}"
version = release = __version__

root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "benchmarks/*.md", "fuzz/*.md"]
exclude_patterns = [".*", "build", "demo-output", "dist", "general-output", "src", "tests"]
extensions = ["cyclopts.ext.sphinx", "myst_parser", "numpydoc", "sphinx.ext.autodoc"]
nitpicky = True  # every name in a signature leads somewhere, but for those of other projects
nitpick_ignore_regex = [
    ("py:.*", r"(collections|numpy|pathlib|typing)\..*|Network|.*\.ScoreMixture"),
]
myst_heading_anchors = 4  # made as GitHub makes them

default_role = "code"
autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
numpydoc_show_class_members = False  # autodoc does

html_theme = "furo"
html_title = "napari-deepem"
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_extra_path = ["site/index.html"]  # the home page lies in docs/
html_copy_source = False
