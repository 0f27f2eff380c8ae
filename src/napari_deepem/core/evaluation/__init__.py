"""Judging: how good picks are, what was said of them, and what to label next."""
