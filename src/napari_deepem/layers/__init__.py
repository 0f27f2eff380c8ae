"""Core values as napari layers, and back. napari, but no Qt and no torch."""
