"""Confident learning: labels that out-of-fold predictions contradict."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Suspects:
    """Samples whose label is suspect, the most suspect first.

    Attributes:
        places: int64 `[suspect]`, places among the samples.
        given: int64 `[suspect]`, their labels.
        suggested: int64 `[suspect]`, the class that is confidently predicted.
        margins: float64 `[suspect]`, the probability of the label less that of the suggested
            class; below zero.
        thresholds: float64 `[class]`, the probability from which a class is confidently
            predicted; infinite for classes without samples.
    """

    places: np.ndarray
    given: np.ndarray = field(repr=False)
    suggested: np.ndarray = field(repr=False)
    margins: np.ndarray = field(repr=False)
    thresholds: np.ndarray = field(repr=False)


def label_suspects(probabilities: np.ndarray, labels: np.ndarray) -> Suspects:
    """The samples of which another class than their label is confidently predicted.

    Northcutt, Jiang and Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset
    Labels", Journal of Artificial Intelligence Research 70, equations 1 to 3, the method of the
    confident joint: a class is confidently predicted where its probability is at least the mean
    that it has over the samples labelled so. Of several such classes the most probable counts.
    Where the label itself is the most probable class of all, the sample is no suspect. They are
    ranked by their margin.

    Args:
        probabilities: `[sample, class]`, by models that were not trained on the sample.
        labels: `[sample]`, a class number for each.
    """
    classes = probabilities.shape[1]
    of_label = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, of_label, minlength=classes)
    thresholds = np.where(counts > 0, sums / np.maximum(1, counts), np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    suggested, surest = confident.argmax(axis=1), confident.max(axis=1)
    places = np.flatnonzero((surest > of_label) & (suggested != labels))
    margins = (of_label - surest)[places]
    order = np.argsort(margins, kind="stable")
    chosen = places[order]
    return Suspects(chosen, labels[chosen], suggested[chosen], margins[order], thresholds)
