"""Data: arrays, where they come from, and in which order they are read. NumPy in, `Dataset` out."""
