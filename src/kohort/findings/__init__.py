"""Findings: from curves to conclusions. NumPy in, frozen dataclasses out; no Keras, no JAX."""
