"""Collects what the rules about data judge."""

from kohort.data.copies import find_copies
from kohort.data.dataset import Dataset
from kohort.data.inspection.column_facts import column_facts
from kohort.data.inspection.copy_facts import copy_facts, kept_together
from kohort.data.inspection.group_facts import group_facts
from kohort.data.labels import class_labels
from kohort.findings.checks.checked import CheckedData


def inspect(data: Dataset) -> CheckedData:
    """What can be seen of a dataset.

    Args:
        data: The dataset; its test samples are read too.
    """
    labels = class_labels(data, floats_are_labels=True)
    found = find_copies(data)
    copies = copy_facts(found, labels)
    together = kept_together(data, copies)
    train = len(data.x_train)
    columns = column_facts(data, labels, together[:train])
    return CheckedData(
        train,
        len(data.x_test),
        copies,
        group_facts(data, found),
        labels,
        columns,
    )
