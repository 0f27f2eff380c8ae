"""The science: from micrographs and labels to picks. No windows, no file formats."""
