"""Make docs/images/simulated.png: two simulated micrographs and where their particles are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

from napari_deepem.batch.figures import saved_figure
from napari_deepem.batch.simulate import load_particle
from napari_deepem.core.preprocessing.prepare import clip_hot_pixels
from napari_deepem.core.preprocessing.sampling import bin_image
from napari_deepem.core.simulation import (
    Optics,
    SimulatedMicrograph,
    SimulationSettings,
    simulate_set,
)

PICTURE = Path(__file__).parent / "images" / "simulated.png"
SETS = {
    "--snr 0.05": {"snr": 0.05},
    "--snr 0.05 --noise detector --ice-gradient 0.1 --contamination 1 --carbon 1 --overlaps 0.2": {
        "snr": 0.05,
        "noise": "detector",
        "ice_gradient": 0.1,
        "contamination": 1.0,
        "carbon": 1.0,
        "overlaps": 0.2,
    },
}


def main() -> None:
    """Simulate one micrograph of each kind, and draw them side by side."""
    particle = load_particle()
    with saved_figure(PICTURE, 9.6, 5.0) as figure:
        for axes, (title, changes) in zip(figure.subplots(1, 2), SETS.items(), strict=True):
            settings = SimulationSettings(
                optics=Optics(particle.pixel_size, 300.0, 2.7, 0.1, 100.0),
                count=1,
                particles=45,
                box_size_px=particle.box_size_px,
                **changes,
            )
            (simulated,) = simulate_set(particle.projector, settings)
            draw(axes, simulated, particle.box_size_px)
            axes.set_title(title, fontsize=7)
    with Image.open(PICTURE) as picture:
        fewer_colours = picture.convert("RGB").quantize(24, Image.Quantize.MAXCOVERAGE)
    fewer_colours.save(PICTURE, optimize=True)


def draw(axes: Axes, simulated: SimulatedMicrograph, box_size_px: int) -> None:
    """The micrograph binned by two, and a box around each particle."""
    image = bin_image(clip_hot_pixels(simulated.micrograph.image), 2)
    darkest, brightest = np.percentile(image, (1.0, 99.0))
    height, width = simulated.micrograph.shape
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(image, cmap="gray", vmin=darkest, vmax=brightest, extent=extent)
    for y, x in simulated.truth_yx:
        corner = (x - box_size_px / 2, y - box_size_px / 2)
        axes.add_patch(
            Rectangle(corner, box_size_px, box_size_px, fill=False, color="#2ca02c", linewidth=1.2)
        )
    axes.set_axis_off()
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)


if __name__ == "__main__":
    main()
