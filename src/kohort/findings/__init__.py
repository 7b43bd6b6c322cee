"""Findings: conclusions from curves. NumPy in, frozen dataclasses out; no Keras, no JAX."""
