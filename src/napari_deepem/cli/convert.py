"""The command `napari-deepem convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import (
    FORMAT_NAMES,
    FormatOptions,
    given_format_options,
    number,
    whole,
)
from napari_deepem.core.wording import counted

Inputs = Annotated[
    list[Path],
    Parameter(help="Coordinate files, and folders of them, of any format.", consume_multiple=True),
]


@app.command
def convert(
    inputs: Inputs,
    /,
    *,
    out: Path,
    to: Annotated[str, Parameter(help=f"Format to write: {FORMAT_NAMES}.")],
    micrographs: str | None = None,
    box: Annotated[int, whole(1, 32_768)] | None = None,
    scale: Annotated[float, number(0.001, 1000)] = 1.0,
    flip_y: bool = False,
    option: FormatOptions = None,
    overwrite: bool = False,
) -> None:
    """Write the particles of coordinate files in another program's format.

    All inputs are read first: if something is wrong with one, nothing is written.

    Parameters
    ----------
    out
        Folder to write into; where a single file is written, that file may be named.
    micrographs
        Folder or pattern of the micrographs. Their names, paths, sizes and pixel sizes are written;
        particles of others are left out.
    box
        Side of the particle box to write, in pixels of the original file; as read by default.
    scale
        Multiplies coordinates and boxes that are read: 8 for those of micrographs binned by 8. As
        Topaz, RELION and cryoSPARC bin, by a Fourier crop, where pixel x lies at 8x. (The mean of
        8 x 8 pixels lies at 8x + 3.5.)
    flip_y
        Count rows from the other edge: y becomes height - 1 - y, after scaling. For particles of a
        program that has mirrored the micrographs, such as one that flips TIFF files.
    overwrite
        Replace files that are there already.
    """
    from napari_deepem.batch.convert import ConvertSettings, convert_files

    options = given_format_options(option)
    settings = ConvertSettings(box, scale, flip_y, micrographs, options, overwrite)
    converted = convert_files(inputs, out, to, settings)
    for remark in converted.remarks:
        errors.print(f"napari-deepem: {remark}", markup=False)
    paths = converted.paths
    where = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files in {paths[0].parent}"
    errors.print(
        f"{counted(converted.n_picks, 'pick')} of "
        f"{counted(len(converted.micrographs), 'micrograph')} written to {where}",
        markup=False,
    )
