"""Applies decisions: what is left out goes, what has a new label gets it, the rest stays."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kohort.data.cleaning.decisions import Decision
from kohort.data.dataset import Dataset
from kohort.data.labels import as_numbers, possible_numbers
from kohort.data.raw_data import RawData
from kohort.errors import DataError


def cleaned(data: Dataset, decisions: Sequence[Decision]) -> Dataset:
    """The data as they were decided on; in their order, with their classes and groups.

    Args:
        data: The data.
        decisions: On some of their samples; the others are kept.

    Raises:
        DataError: No training sample is left, or the data were cleaned before.
    """
    if data.raw is not None:
        raise DataError(
            "data as they were read",
            f"{data.name}, which kohort data clean wrote",
            "clean the raw data with all decisions",
        )
    train = len(data.x_train)
    targets = np.concatenate([data.y_train, data.y_test])
    left_out = [d.sample for d in decisions if d.decision == "leave out"]
    for decision in decisions:
        if decision.decision == "relabel":
            assert data.class_names is not None
            targets[decision.sample] = data.class_names.index(decision.new_label)
    kept = np.setdiff1d(np.arange(len(targets)), left_out)
    rows, test = kept[kept < train], kept[kept >= train] - train
    if not len(rows):
        raise DataError("training samples that are kept", "none", "leave fewer out")
    files = data.source_files
    left = replace(
        data,
        x_train=data.x_train[rows],
        y_train=targets[:train][rows],
        x_test=data.x_test[test],
        y_test=targets[train:][test],
        groups=None if data.groups is None else data.groups[rows],
        test_groups=None if data.test_groups is None else data.test_groups[test],
        sample_weight=None if data.sample_weight is None else data.sample_weight[rows],
        source_rows=None if data.source_rows is None else data.source_rows[kept],
        source_files=files and tuple(files[sample] for sample in kept),
        raw=RawData(data.fingerprint, rows, data.y_train, data.groups, _as_numbers(data)),
    )
    if left.classes != data.classes:  # Whole numbers among which none is missing look like labels.
        raise DataError(
            "targets that are still numbers",
            "whole numbers, which look like classes now",
            "give targets of several columns, or fractions",
        )
    return left


def _as_numbers(data: Dataset) -> str:
    """The fingerprint of the data where a study takes its classes for numbers; "" if none does."""
    is_either = possible_numbers(data) is not None
    return as_numbers(data, "a study asks for them").fingerprint if is_either else ""
