"""Tells what cleaning the data changes in a study's verdicts."""
