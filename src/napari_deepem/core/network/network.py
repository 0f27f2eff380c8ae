"""The network of DeepEM (Zhu, Ouyang, Mao 2017): eqs 1-3 and Fig. 1.

Eight layers: input, C1, S2, C3, S4, C5, S6, output. C is a valid convolution with a bias and an
activation, S the mean over non-overlapping cells, and the output one unit that sees all of S6.
"""

from __future__ import annotations

import copy
from math import sqrt

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_deepem.core.network.architecture import Architecture


class Network(nn.Module):
    """A network of eight layers, for single boxes and whole micrographs alike.

    The output unit is a convolution as large as S6. An image of exactly one box therefore gives
    one number, and a larger one gives the number of every box that lies a whole number of
    `step_px` from its corner: pooling cells of such boxes coincide.
    """

    def __init__(self, architecture: Architecture, batch_norm: bool = False) -> None:
        super().__init__()
        self.architecture = architecture
        maps, kernels = (1, *architecture.maps), architecture.kernels
        # the layers' first weights are drawn from torch's global state, which stays as it was
        with torch.random.fork_rng(devices=[]):
            self.convolutions = nn.ModuleList(
                nn.Conv2d(maps[i], maps[i + 1], kernels[i]) for i in range(3)
            )
            self.output = nn.Conv2d(maps[3], 1, architecture.map_sizes[-1])
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(maps[i + 1]) if batch_norm else nn.Identity() for i in range(3)
        )
        self.pools = nn.ModuleList(nn.AvgPool2d(cell) for cell in architecture.pools)
        self.activation = nn.Sigmoid() if architecture.activation == "sigmoid" else nn.ReLU()

    def forward(self, image: Tensor) -> Tensor:
        """Logits (b, rows, cols) of the boxes of (b, 1, h, w) images; their sigmoid is the score.

        KLH, one box:  (b, 1, 272, 272)
        C1, S2:        (b, 6, 222, 222), (b, 6, 74, 74)
        C3, S4:        (b, 12, 54, 54), (b, 12, 27, 27)
        C5, S6:        (b, 12, 18, 18), (b, 12, 9, 9)
        output:        (b, 1, 1)
        """
        logits: Tensor = self.output(self.last_maps(image))
        return logits.squeeze(1)

    def last_maps(self, image: Tensor) -> Tensor:
        """The maps of S6, (b, maps, rows, cols), that the output unit sees of such images."""
        maps = image
        for convolve, normalise, pool in zip(
            self.convolutions, self.norms, self.pools, strict=True
        ):
            maps = pool(self.activation(normalise(convolve(maps))))
        return maps

    @torch.no_grad()
    def initialise_as_paper(self, rng: np.random.Generator) -> None:
        """Draw all weights as the toolbox behind the paper does, biases zero.

        DeepLearnToolbox, cnnsetup.m: (rand - 0.5) * 2 * sqrt(6 / (fan_in + fan_out)). The paper's
        "random number between 0 and 1", taken literally, saturates every sigmoid.
        """
        for convolve in [*self.convolutions, self.output]:
            maps_out, maps_in, side, _ = convolve.weight.shape
            is_output = convolve is self.output
            # cnnsetup.m: the output unit's fan_out is the one output, not a kernel of them
            fan_out = maps_out if is_output else maps_out * side**2
            reach = sqrt(6 / (maps_in * side**2 + fan_out))
            drawn = (rng.random(convolve.weight.shape) - 0.5) * 2 * reach
            convolve.weight.copy_(torch.from_numpy(drawn))
            convolve.bias.zero_()

    @torch.no_grad()
    def without_batch_norm(self) -> Network:
        """A copy that computes the same as this network in evaluation, its norms folded away."""
        folded = copy.deepcopy(self).eval()
        for i, (convolve, norm) in enumerate(zip(folded.convolutions, folded.norms, strict=True)):
            if isinstance(convolve, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                folded.convolutions[i] = fuse_conv_bn_eval(convolve, norm)
                folded.norms[i] = nn.Identity()
        return folded

    @torch.no_grad()
    def rotated(self, quarter_turns: int) -> Network:
        """A copy that sees an image as this network sees it turned by `np.rot90(image, k)`.

        Cells fill the maps, so turning every kernel back equals turning the image.
        """
        turned = copy.deepcopy(self)
        for convolve in [*turned.convolutions, turned.output]:
            convolve.weight.copy_(torch.rot90(convolve.weight, -quarter_turns, dims=(2, 3)))
        return turned
