"""The ties of a viewer to its session: layers, mouse, keys and long jobs. No layout, no painting."""
