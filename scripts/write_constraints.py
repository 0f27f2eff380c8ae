"""Print the version of everything that `napari-deepem[dev]` needs, as installed here.

.venv/bin/python scripts/write_constraints.py > constraints-dev.txt
"""

from __future__ import annotations

from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = "napari-deepem"


def installed_versions(project: str, extra: str) -> dict[str, str]:
    """Name and public version of every distribution that `project[extra]` pulls in."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    wanted = [(project, ""), (project, extra)]
    while wanted:
        name, extra = wanted.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found = distribution(name)
        versions[canonicalize_name(name)] = Version(found.version).public  # torch: no '+cpu'
        for line in found.requires or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                wanted += [(canonicalize_name(needed.name), e) for e in ("", *needed.extras)]
    return versions


if __name__ == "__main__":
    versions = installed_versions(PROJECT, "dev")
    del versions[PROJECT]
    print("# What development and continuous integration install; written by")
    print("# scripts/write_constraints.py, see CONTRIBUTING.md.")
    for name, version in sorted(versions.items()):
        print(f"{name}=={version}")
