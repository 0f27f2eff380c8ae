"""What ties a viewer to its session: layers, mouse, keys and long jobs. No layout, no painting."""
