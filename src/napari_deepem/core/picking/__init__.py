"""Picking: a micrograph's scores, their maxima, and which of those are picks."""
