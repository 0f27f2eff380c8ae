"""Evaluation: how good picks are, the verdicts on them, and what to label next."""
