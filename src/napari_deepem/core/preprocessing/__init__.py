"""Pixels: from a micrograph as it was recorded to what the network sees, and what a person sees."""
