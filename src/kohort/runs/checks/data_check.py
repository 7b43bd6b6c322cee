"""Collects what the rules about data judge."""

import numpy as np

from kohort.data.copies import find_copies
from kohort.data.dataset import Dataset, is_windows
from kohort.data.inspection.column_facts import column_facts
from kohort.data.inspection.copy_facts import copy_facts, kept_together
from kohort.data.inspection.group_facts import blank_samples, group_facts
from kohort.data.inspection.inputs.told_targets import told_of_targets
from kohort.data.inspection.time_facts import time_facts
from kohort.data.labels import ClassLabels, class_labels
from kohort.data.splits import random_part
from kohort.findings.checks.checked import CheckedData, OutOfFold
from kohort.findings.checks.measures.ranking import fold_auc
from kohort.findings.statistics.interval import Interval
from kohort.runs.checks.model_inputs import model_inputs
from kohort.runs.checks.out_of_fold import FOLDS, folds, probabilities

MOST_LABELS = 60_000
"""Of more samples, the labels of a random part are checked."""
MOST_OF_A_SIDE = 5_000
"""The most samples of train, and of test, that are told apart."""
MOST_OF_WINDOWS = 2**20
"""The most numbers of windows that are asked what they tell by themselves."""
FEWEST = 10
"""Samples that a class, or a side, needs so that each fold has some."""


def inspect(data: Dataset, *, trains: bool = True, visible: bool = False) -> CheckedData:
    """What can be seen of a dataset.

    Args:
        data: The dataset; its test samples are read too.
        trains: Whether to train models for what cannot be counted: labels, and the shift between
            train and test.
        visible: Whether training is shown on stderr.
    """
    labels = class_labels(data)
    found = find_copies(data)
    copies = copy_facts(found, labels)
    together = kept_together(data, copies)
    train = len(data.x_train)
    predicted = shift = None
    if trains:
        if labels is not None:
            predicted = _predicted(data, labels, together, visible=visible)
        shift = _shift(data, together, visible=visible)
    return CheckedData(
        train,
        len(data.x_test),
        copies,
        group_facts(data, found),
        labels,
        column_facts(data),
        told_of_targets(
            data, labels, together[:train], MOST_OF_WINDOWS if is_windows(data) else None
        ),
        blank_samples(data),
        predicted=predicted,
        shift=shift,
        times=time_facts(data, labels, found.pattern),
        trains=trains,
    )


def _predicted(
    data: Dataset, labels: ClassLabels, together: np.ndarray, *, visible: bool
) -> OutOfFold | None:
    """Out-of-fold predictions for train and test together; None where there are too few samples.

    Classes with fewer than `FEWEST` samples are left out: no fold could tell them.
    """
    label = np.concatenate([labels.train, labels.test])
    enough = labels.counts.sum(axis=0) >= FEWEST
    samples = random_part(np.random.default_rng(0), np.flatnonzero(enough[label]), MOST_LABELS)
    fold = folds(together[samples], label[samples]) if len(samples) else np.empty(0, np.int64)
    if enough.sum() < 2 or len(np.unique(fold)) < FOLDS:
        return None
    x = model_inputs(data, samples)
    told = "looking for doubtful labels" if visible else ""
    found = probabilities(x, label[samples], len(labels.names), fold, told=told)
    return OutOfFold(samples, label[samples], found)


def _shift(data: Dataset, together: np.ndarray, *, visible: bool) -> Interval | None:
    """The AUC of telling test samples from training samples; None where there are too few."""
    train, test = len(data.x_train), len(data.x_test)
    if min(train, test) < FOLDS * FEWEST:
        return None
    sides = np.arange(train), train + np.arange(test)
    samples = np.concatenate(
        [random_part(np.random.default_rng(0), side, MOST_OF_A_SIDE) for side in sides]
    )
    is_test = samples >= train
    fold = folds(together[samples], is_test.astype(np.int64))
    x = model_inputs(data, samples)
    told = "looking for a shift between train and test" if visible else ""
    found = probabilities(x, is_test.astype(np.int64), 2, fold, told=told)
    return fold_auc(found[:, 1], is_test, fold, together[samples])
