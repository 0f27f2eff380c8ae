"""Micrographs and particles as RELION has them."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import starfile
from pandas import DataFrame

from napari_deepem.core.types import Float32Array
from napari_deepem.io.images import write_image
from relion import run_relion


def write_micrographs(folder: Path, images: dict[str, Float32Array], pixel_size: float) -> Path:
    """Micrographs as `<name>.mrc`, and the STAR file that RELION 3.1 and later have of them."""
    for name, image in images.items():
        write_image(folder / f"{name}.mrc", image, pixel_size)
    optics = {
        "rlnOpticsGroupName": "opticsGroup1",
        "rlnOpticsGroup": 1,
        "rlnMicrographOriginalPixelSize": pixel_size,
        "rlnMicrographPixelSize": pixel_size,
        "rlnVoltage": 300.0,
        "rlnSphericalAberration": 2.7,
        "rlnAmplitudeContrast": 0.1,
    }
    rows = [{"rlnMicrographName": f"{name}.mrc", "rlnOpticsGroup": 1} for name in images]
    path = folder / "micrographs.star"
    starfile.write({"optics": DataFrame([optics]), "micrographs": DataFrame(rows)}, path)
    return path


def extract_particles(
    micrographs: Path, coordinates: Path, suffix: str, box_size_px: int
) -> tuple[Path, dict[str, Float32Array]]:
    """What RELION cuts out, as it was recorded: its STAR file of particles, and each stack.

    Parameters
    ----------
    micrographs : Path
        Their STAR file.
    coordinates : Path
        Folder with a file `<micrograph><suffix>` for each.
    suffix : str
    box_size_px : int
        RELION cuts out even boxes only.
    """
    run_relion(
        micrographs.parent, "relion_preprocess", "--extract", "--i", micrographs.name,
        "--coord_dir", f"{coordinates}/", "--coord_suffix", suffix, "--extract_size", box_size_px,
        "--part_dir", "Extract/", "--part_star", "Extract/particles.star",
    )  # fmt: skip
    folder = micrographs.parent / "Extract"
    return folder / "particles.star", {
        path.stem: mrcfile.read(path) for path in sorted(folder.rglob("*.mrcs"))
    }
