"""Training: from labelled micrographs to a model, and on from there."""
