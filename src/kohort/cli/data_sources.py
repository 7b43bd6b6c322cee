"""Tells where the test set of a source comes from."""

from pathlib import Path

from kohort.data.dataset import Dataset
from kohort.data.inspection.summary import Summary, summary

GIVEN = (".h5", ".hdf5", ".npz")
"""The endings of files that hold a test set themselves."""


def summary_of(data: Dataset, source: str) -> Summary:
    """What a dataset is that was loaded from a source."""
    if source == "letters":
        return summary(data, "of font families that are not in the training samples")
    if Path(source).suffix.lower() in GIVEN:
        return summary(data, "as the file gives them")
    return summary(data, "held out by kohort: whole groups, drawn with seed 0")
