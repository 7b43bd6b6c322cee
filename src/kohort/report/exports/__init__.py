"""Exports: write a study to files of other programs."""
