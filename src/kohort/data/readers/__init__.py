"""Readers: one module for each kind of file that holds a dataset."""
