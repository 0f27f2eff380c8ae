"""napari-deepem."""

__version__ = "0.1.0"
