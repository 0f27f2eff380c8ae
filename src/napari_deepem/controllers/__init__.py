"""The ties of a viewer to its session: layers, mouse, keys, long jobs. No layout, no painting."""
