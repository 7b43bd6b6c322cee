"""Readers: one module for each kind of file that a dataset comes from."""
