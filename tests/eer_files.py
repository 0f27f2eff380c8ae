"""EER files, made by the specification."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

SKIP_BITS = 7


def event_list(frame: np.ndarray) -> bytes:
    """The distances from each electron to the next one, and a place within its pixel."""
    bits: list[int] = []

    def put(value: int, count: int) -> None:
        bits.extend(value >> bit & 1 for bit in range(count))

    def skip(distance: int) -> None:
        most = 2**SKIP_BITS - 1
        for _ in range(distance // most):
            put(most, SKIP_BITS)
        put(distance % most, SKIP_BITS)

    at = 0
    for place in np.flatnonzero(frame):
        skip(int(place) - at)
        put(int(place) % 16, 4)
        at = int(place) + 1
    skip(frame.size - at)
    bits += [0] * (16 + -len(bits) % 16)
    return np.packbits(np.array(bits, dtype=np.uint8), bitorder="little").tobytes()


def write_eer(path: Path, movie: np.ndarray) -> Path:
    """A TIFF file with a page a frame, (frames, height, width) of which are electrons or not."""
    _, height, width = movie.shape
    content, link = bytearray(b"II*\0" + bytes(4)), 4
    for frame in movie:
        events, offset = event_list(frame), len(content)
        content += events
        content[link : link + 4] = struct.pack("<I", len(content))
        tags = {256: width, 257: height, 259: 65001, 273: offset, 278: height, 279: len(events)}
        content += struct.pack("<H", len(tags))
        content += b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in tags.items())
        link = len(content)
        content += bytes(4)
    path.write_bytes(content)
    return path
