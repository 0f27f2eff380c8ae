"""Files, at the edge: micrographs, coordinates and models. No science, no GUI."""
