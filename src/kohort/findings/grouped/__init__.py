"""Intervals over rows that come in groups, such as several rows of a patient."""
