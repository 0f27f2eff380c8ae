"""The network's pass over a batch that trains it on a CPU: the same numbers as `Network`, sooner.

Counted for batches of 64 boxes of 56 px and 12, 24 and 24 maps: the convolutions, forward and
backward, are 2.1 GFLOP, some 16 ms of one AVX-512 core at oneDNN's 130 GFLOP/s. Autograd's pass
through `Network` is 40 to 55 ms. The rest of it is memory: C1's maps are 7.7 MB, and ten arrays of
that size are written, some by kernels that do one number at a time, all to fresh pages. Here

- maps lie with their channels last, which doubles the speed of C3's weight gradient;
- C1 computes the pixels of a cell as maps of their own (`as_cells`), so that kernels with one input
  map and 12 output maps become kernels with 4 and 48, which fill the processor's registers;
- batch normalisation, ReLU and pooling are one step that keeps two arrays and overwrites them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_deepem.core.network.network import Network

KEPT_BYTES = 31 << 20  # just below what glibc never keeps


def training_logits(network: Network, boxes: Tensor) -> Tensor:
    """(b,) logits of (b, 1, box, box) boxes, as `network(boxes)[:, 0, 0]` in training gives them.

    Gradients too are equal but for rounding. A bias before batch normalisation, which takes it
    away again, has none here; its exact gradient is zero. Networks of sigmoids, and what runs on a
    GPU, take the plain way.
    """
    if boxes.device.type != "cpu" or network.architecture.activation != "relu":
        return network(boxes)[:, 0, 0]  # type: ignore[no-any-return]
    maps = boxes
    layers = zip(network.convolutions, network.norms, network.architecture.pools, strict=True)
    for index, (convolve, norm, cell) in enumerate(layers):
        assert isinstance(convolve, nn.Conv2d)
        weight: Tensor = convolve.weight
        if index == 0:
            maps, weight = as_cells(maps, weight, cell)
        maps = functional.conv2d(_channels_last(maps), _channels_last(weight))
        if isinstance(norm, nn.BatchNorm2d):
            maps, mean, variance, count = _norm_relu_pool(
                maps, norm.weight, norm.bias, cell, norm.eps
            )
            assert convolve.bias is not None
            _update_running(norm, mean + convolve.bias, variance * (count / (count - 1)))
        else:
            maps, *_ = _norm_relu_pool(maps, None, convolve.bias, cell, 0.0)
    return network.output(maps)[:, 0, 0, 0]  # type: ignore[no-any-return]


def keep_freed_memory() -> None:
    """Let glibc keep freed arrays of some megabytes for the next step.

    It would give them back to the system and fetch them anew page by page: 6000 page faults and
    10 ms a step. One freed block of that size teaches it better (mallopt(3), M_MMAP_THRESHOLD:
    "dynamic"); where the allocator is another one, nothing happens.
    """
    torch.empty(KEPT_BYTES, dtype=torch.uint8)


def as_cells(image: Tensor, weight: Tensor, cell: int) -> tuple[Tensor, Tensor]:
    """An image and kernels whose convolution gives all pixels of a pooling cell as maps.

    Parameters
    ----------
    image : (b, 1, h, w) tensor
    weight : (c, 1, k, k) tensor
    cell : int
        Side of the cells, which fill the (h - k + 1, w - k + 1) maps.

    Returns
    -------
    tuple
        Their convolution is (b, cell**2 * c, rows, cols): the pixels (0, 0) of every cell of all c
        maps, then the pixels (0, 1), and so on in row-major order.
    """
    taps = weight.shape[-1]
    spare = (1 - taps) % cell  # zeros that make shifted kernels a whole number of cells
    free = cell - 1 + spare
    shifted = torch.cat(
        [
            functional.pad(weight, (right, free - right, down, free - down))
            for down in range(cell)
            for right in range(cell)
        ]
    )
    image = functional.pad(image, (0, spare, 0, spare))
    return functional.pixel_unshuffle(image, cell), functional.pixel_unshuffle(shifted, cell)


class NormReluPool(torch.autograd.Function):
    """Batch normalisation with the batch's own statistics, ReLU and the mean over cells, in one."""

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, scale: Tensor | None, offset: Tensor, cell: int, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, int]:
        """The pooled maps, and mean, variance and count of what was normalised.

        Parameters
        ----------
        maps : (b, c, h, w) tensor, channels last; or (b, cell**2 * c, h / cell, w / cell)
            See `as_cells`. It is overwritten when gradients are computed.
        scale, offset : (c,) tensors
            Nothing is normalised if there is no scale: the offset is added.
        cell : int
            Side of a cell.
        eps : float
            Added to the variance.
        """
        c = len(offset)
        rows = _rows(maps)
        count = rows.numel() // c
        mean, variance, factor = torch.zeros(c), torch.ones(c), torch.ones(c)
        if scale is not None:
            mean = _fold(rows.sum(0), c) / count
            variance = _fold(rows.square().sum(0), c) / count - mean.square()
            variance.clamp_(min=0.0)
            factor = scale / torch.sqrt(variance + eps)
        above = rows * _spread(factor, rows)
        above.add_(_spread(offset - factor * mean, rows)).relu_()
        cells = _cells(above, maps.shape, c, cell)
        pooled = cells[0] + cells[1] if len(cells) > 1 else cells[0].clone()
        for pixels in cells[2:]:
            pooled += pixels
        pooled /= len(cells)
        ctx.save_for_backward(rows, above, mean, factor, scale, variance)
        ctx.shape, ctx.cell, ctx.eps = maps.shape, cell, eps
        ctx.mark_non_differentiable(mean, variance)
        return pooled.permute(0, 3, 1, 2), mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of maps, scale and offset; in place, so only once.

        With g the gradient where maps are above zero, x the normalised maps and factor what they
        were multiplied with: d offset = sum g, d scale = sum g x, and
        d maps = factor (g - mean(g) - x mean(g x)).
        """
        rows, g, mean, factor, scale, variance = ctx.saved_tensors
        c = len(mean)
        pooled = gradients[0].permute(0, 2, 3, 1) / ctx.cell**2
        g.sign_()
        for pixels in _cells(g, ctx.shape, c, ctx.cell):
            pixels.mul_(pooled)
        d_offset = _fold(g.sum(0), c)
        if scale is None:
            return _unrows(g, ctx.shape), None, d_offset, None, None
        deviation = torch.sqrt(variance + ctx.eps)
        d_scale = (_fold((g * rows).sum(0), c) - mean * d_offset) / deviation
        count = rows.numel() // c
        slope = factor * d_scale / (deviation * count)
        g.mul_(_spread(factor, g))
        rows.mul_(_spread(-slope, rows)).add_(g)
        rows.add_(_spread(slope * mean - factor * d_offset / count, rows))
        return _unrows(rows, ctx.shape), d_scale, d_offset, None, None


def _norm_relu_pool(*arguments: Any) -> tuple[Tensor, Tensor, Tensor, int]:
    return NormReluPool.apply(*arguments)  # type: ignore[no-untyped-call, no-any-return]


def _channels_last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)


def _rows(maps: Tensor) -> Tensor:
    """(b * h, w * c) view of (b, c, h, w) maps: long rows, on which whole registers work."""
    b, c, h, w = maps.shape
    return maps.permute(0, 2, 3, 1).reshape(b * h, w * c)


def _unrows(rows: Tensor, shape: torch.Size) -> Tensor:
    b, c, h, w = shape
    return rows.view(b, h, w, c).permute(0, 3, 1, 2)


def _cells(rows: Tensor, shape: torch.Size, c: int, cell: int) -> list[Tensor]:
    """Views of one pixel of every cell each, (b, h, w, c) of the pooled maps."""
    b, channels, h, w = shape
    if channels != c:  # the pixels of a cell are maps already
        return list(rows.view(b, h, w, channels // c, c).unbind(3))
    grid = rows.view(b, h // cell, cell, w // cell, cell, c)
    return [grid[:, :, down, :, right] for down in range(cell) for right in range(cell)]


def _spread(values: Tensor, rows: Tensor) -> Tensor:
    """(c,) values of the maps as a row of w * c."""
    return values.repeat(rows.shape[1] // len(values))


def _fold(row: Tensor, c: int) -> Tensor:
    """(c,) sums of a row of w * c."""
    return row.view(-1, c).sum(0)


@torch.no_grad()
def _update_running(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.momentum is not None
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance, norm.momentum)
