"""Cleaning: decisions on samples are read, applied, and what is kept is written as one file."""
