"""Names of files as text: what the names of micrographs are made of."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from urllib.parse import quote

MOST_LETTERS = 240  # with the suffix of a coordinate file they are a file's name, too

# Parts of a path, letters that steer a terminal, and the colon of a Windows drive.
_UNPLAIN = re.compile(r"[\x00-\x1f\x7f-\x9f\\/]|(?<=^.):|^\.{0,2}$")


def plain_name(text: str) -> str:
    """The plain name of a file that is nearest to a text; a plain name stays as it is.

    What can't be in the name of a file on every system is written as in a URL: `%2F` for a slash.
    Bytes that are no UTF-8, as older systems wrote them, are read as Latin-1. A long name is cut,
    and told from others by a few letters of its hash.
    """
    name = _UNPLAIN.sub(_escaped, _decoded(text))
    if len(name.encode()) <= MOST_LETTERS:
        return name
    code = sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: MOST_LETTERS - 9].decode(errors='ignore')}-{code}"


def _decoded(name: str) -> str:
    try:
        name.encode()
        return name
    except UnicodeEncodeError:  # Python keeps what it can't decode as surrogates
        content = os.fsencode(name)
    try:
        name = content.decode()
    except UnicodeDecodeError:
        name = content.decode("latin-1")
    try:
        os.fsencode(name)
        return name
    except UnicodeEncodeError:  # a system that writes ASCII alone
        return quote(content)


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{ord(letter):02X}" for letter in match[0]) or "_"
