"""Intervals over rows that come in groups."""
