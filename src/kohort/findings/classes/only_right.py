"""Which part of the validation samples only a model, or only the constant answer, gets right."""

import numpy as np

from kohort.evidence.class_counts import ClassCounts


def only_right(counts: ClassCounts, majority: str, variant: int, replicates: int) -> np.ndarray:
    """Of each replicate the samples that one of two gets right and the other does not.

    Always answering one class is right for the samples of that class. So a model alone is right
    for what it finds of the other classes, and the constant answer for what the model misses of
    its class: both follow from the counts of classes.

    Args:
        counts: What the members find, with the weights that are kept of them.
        majority: The name of the class of the constant answer.
        variant: The variant's number.
        replicates: How many there are.

    Returns:
        float64 `[replicate, 2]`, parts of the replicate's validation samples: those that only the
        model gets right, and those that only the constant answer does. NaN where that is not known.
    """
    parts = np.full((replicates, 2), np.nan)
    if majority not in counts.names:
        return parts
    common = counts.names.index(majority)
    for replicate in range(min(replicates, len(counts.samples))):
        found, samples = counts.found.get((variant, replicate)), counts.samples[replicate]
        if found is not None and samples.sum():
            of_others = found.sum() - found[common]
            missed = samples[common] - found[common]
            parts[replicate] = np.array([of_others, missed]) / samples.sum()
    return parts
