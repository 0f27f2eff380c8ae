"""The names of one micrograph in several programs, brought together.

A motion correction adds to a movie's name, and cryoSPARC puts a number before it; a coordinate file
may have the name before or after. Names that are equal match first; else those that are equal
without what programs are known to add.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from napari_deepem.core.errors import InputError

# 000001@ of a RELION stack, the 21 digits of a cryoSPARC uid, prefixes of motion corrections
_PREFIX = re.compile(r"^(?:\d+@|\d{21}_|(?:aligned|motioncorr|mc|sum)_(?=.))", re.IGNORECASE)
# MotionCor2, RELION, cryoSPARC, EPU, Unblur, SerialEM, IMOD, EMAN2, Warp, Topaz' denoising
_SUFFIX = re.compile(
    r"(?<=.)_(?:DW|noDW|DWS|doseweighted|dose_weighted|patch_aligned|rigid_aligned|aligned|align|ali"
    r"|motion_?corrected|motion_?corr|corrected|corr|mc2?|SumCorr|fractions|frames|movie|sum|avg"
    r"|average|denoised|EER)$",
    re.IGNORECASE,
)


def bare_name(name: str) -> str:
    """The name without what programs add before and after it; never empty."""
    while True:
        shorter = _SUFFIX.sub("", _PREFIX.sub("", name)) or name
        if shorter == name:
            return name
        name = shorter


def match_names(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """For each name the other one that means the same micrograph; left out where there is none.

    Parameters
    ----------
    names, others
        Names of micrographs without folders and suffixes, each once in its own list.

    Raises
    ------
    InputError
        Two names fit one, and neither equals it: both are named.
    """
    names, others = list(names), list(others)
    known = frozenset(others)
    matched = {name: name for name in names if name in known}
    rest = [name for name in names if name not in matched]
    if not rest:
        return matched
    taken = frozenset(matched)
    bare_others = _by_bare_name(other for other in others if other not in taken)
    for bare, ours in _by_bare_name(rest).items():
        theirs = bare_others.get(bare, [])
        for several in (theirs, ours):
            if len(several) > 1 and theirs:
                one = ours[0] if several is theirs else theirs[0]
                raise InputError(
                    f"{several[0]} and {several[1]} may both be {one}: rename one of them"
                )
        if theirs:
            matched[ours[0]] = theirs[0]
    return {name: matched[name] for name in names if name in matched}


def _by_bare_name(names: Iterable[str]) -> Mapping[str, list[str]]:
    by_bare_name: dict[str, list[str]] = {}
    for name in names:
        by_bare_name.setdefault(bare_name(name), []).append(name)
    return by_bare_name
