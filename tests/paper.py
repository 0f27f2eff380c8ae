"""The paper in NumPy alone, equation by equation: what `deepem2017` is held against.

Zhu, Ouyang and Mao (2017), eqs 1-5 and "Recognition Process". Nothing of the package is used.
Weights are a list: those of C1, C3, C5 and the output unit, each followed by its biases.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = list[Array]
MAPS = (6, 12, 12)  # Table 1
RATE = 1.0  # eta of eq 5


def initial_weights(
    box: int, kernels: tuple[int, ...], pools: tuple[int, ...], rng: np.random.Generator
) -> Weights:
    """Uniform within sqrt(6 / (fan_in + fan_out)), biases 0: DeepLearnToolbox's cnnsetup.m."""
    weights: Weights = []
    size, before = box, 1
    for maps, kernel, pool in zip(MAPS, kernels, pools, strict=True):
        reach = np.sqrt(6 / (before * kernel**2 + maps * kernel**2))
        drawn = rng.random((maps, before, kernel, kernel))
        weights += [(drawn - 0.5) * 2 * reach, np.zeros(maps)]
        size, before = (size - kernel + 1) // pool, maps
    reach = np.sqrt(6 / (before * size**2 + 1))
    return [*weights, (rng.random((1, before, size, size)) - 0.5) * 2 * reach, np.zeros(1)]


def sigmoid(x: Array) -> Array:
    """Eq 1."""
    return np.asarray(1 / (1 + np.exp(-x)))


def windows_of(maps: Array, side: int) -> Array:
    """(n, h, w, maps) to (n, h, w - side + 1, maps, side): every run of so many pixels of a row."""
    return sliding_window_view(maps, side, axis=2)


def convolve(maps: Array, kernels: Array, biases: Array) -> Array:
    """The sum in eq 2: (n, h, w, in) maps and (out, in, k, k) kernels to (n, h - k + 1, ..., out).

    Kernels are not turned around; those that are learned come out turned instead.
    """
    side = kernels.shape[-1]
    windows, rows = windows_of(maps, side), maps.shape[1] - side + 1
    return biases + sum(
        np.tensordot(windows[:, row : row + rows], kernels[:, :, row], axes=((3, 4), (1, 2)))
        for row in range(side)
    )


def subsample(maps: Array, pool: int) -> Array:
    """Eq 3: the mean of every cell of pool x pool."""
    n, rows, cols, count = maps.shape
    cells = maps.reshape(n, rows // pool, pool, cols // pool, pool, count)
    return np.asarray(cells.mean(axis=(2, 4)))


def forward(
    images: Array, weights: Weights, pools: tuple[int, ...]
) -> tuple[Array, list[tuple[Array, Array]], Array]:
    """(n,) outputs for (n, box, box) images; what each C layer saw and answered; S6."""
    seen = []
    maps = images[..., None]
    for layer, pool in enumerate(pools):
        answer = sigmoid(convolve(maps, weights[2 * layer], weights[2 * layer + 1]))
        seen.append((maps, answer))
        maps = subsample(answer, pool)
    outputs = sigmoid(np.einsum("nrcm,mrc->n", maps, weights[6][0]) + weights[7])
    return outputs, seen, maps


def loss(outputs: Array, targets: Array) -> float:
    """Eq 4."""
    return float(np.sum((targets - outputs) ** 2) / (2 * len(targets)))


def gradient(images: Array, targets: Array, weights: Weights, pools: tuple[int, ...]) -> Weights:
    """Eq 4's slope along every weight, by error back-propagation."""
    outputs, seen, s6 = forward(images, weights, pools)
    errors = (outputs - targets) * outputs * (1 - outputs) / len(targets)  # (n,)
    slopes = [np.einsum("n,nrcm->mrc", errors, s6)[None], errors.sum(keepdims=True)]
    back = np.einsum("n,mrc->nrcm", errors, weights[6][0])  # slopes along S6
    for layer in (2, 1, 0):
        (maps, answer), kernels, pool = seen[layer], weights[2 * layer], pools[layer]
        spread = back.repeat(pool, axis=1).repeat(pool, axis=2) / pool**2
        errors = spread * answer * (1 - answer)  # (n, rows, cols, out)
        rows, cols, side = errors.shape[1], errors.shape[2], kernels.shape[-1]
        windows = windows_of(maps, side)
        along = [
            np.tensordot(errors, windows[:, row : row + rows], axes=((0, 1, 2), (0, 1, 2)))
            for row in range(side)
        ]
        slopes = [np.stack(along, axis=2), errors.sum(axis=(0, 1, 2)), *slopes]
        if layer == 0:
            return slopes  # nobody asks for those along pixels
        back = np.zeros_like(maps)
        for row in range(side):
            for col in range(side):
                part = np.tensordot(errors, kernels[:, :, row, col], axes=(3, 0))
                back[:, row : row + rows, col : col + cols] += part
    raise AssertionError


def step(images: Array, targets: Array, weights: Weights, pools: tuple[int, ...]) -> Weights:
    """Eq 5: the weights after one step."""
    slopes = gradient(images, targets, weights, pools)
    return [values - RATE * slope for values, slope in zip(weights, slopes, strict=True)]


def rotations(boxes: Array) -> list[Array]:
    """(n, box, box) boxes as they are and rotated by 90, 180 and 270 degrees."""
    return [np.rot90(boxes, quarter, axes=(1, 2)) for quarter in range(4)]


def scan(
    image: Array, weights: Weights, pools: tuple[int, ...], box: int, shift: int
) -> tuple[Array, Array]:
    """Recognition, steps 1 to 4: scores and standard deviations of all boxes, (rows, cols) each."""
    scores, stds = [], []
    for top in range(0, image.shape[0] - box + 1, shift):
        lefts = range(0, image.shape[1] - box + 1, shift)
        boxes = np.stack([image[top : top + box, left : left + box] for left in lefts])
        scores.append(np.mean([forward(b, weights, pools)[0] for b in rotations(boxes)], axis=0))
        stds.append([each.std() for each in boxes])
    return np.array(scores), np.array(stds)


def pick(
    scores: Array, stds: Array, threshold: float, std_range: tuple[float, float]
) -> set[tuple[int, int]]:
    """Recognition, steps 5 and 6: (row, col) of the boxes picked, off the border of the scan."""
    picked = set()
    for row in range(1, scores.shape[0] - 1):
        for col in range(1, scores.shape[1] - 1):
            is_maximum = scores[row, col] == scores[row - 1 : row + 2, col - 1 : col + 2].max()
            is_usual = std_range[0] <= stds[row, col] <= std_range[1]
            if is_maximum and scores[row, col] >= threshold and is_usual:
                picked.add((row, col))
    return picked
