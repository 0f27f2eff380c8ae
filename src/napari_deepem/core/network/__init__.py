"""The network: its eight layers, a trained model, and how it is evaluated and trained quickly."""
