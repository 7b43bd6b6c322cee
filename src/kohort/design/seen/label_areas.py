"""Areas under a curve that Keras averages over labels, where a part lacks one of these."""

import keras
import numpy as np

from kohort.data.labels import label_names
from kohort.design.spec import StudySpec
from kohort.keras_api.metrics import metrics_in

_SHOWN = 3


def slip_of_areas(model: keras.Model, spec: StudySpec) -> str:
    """That a mean of areas over labels counts 0 for a label that all samples of a part lack.

    So Keras does where all have it, too.

    Args:
        model: A model of the study, prepared.
        spec: The study.

    Returns:
        What is so, and how to mend it, as a clause; "" where no metric of the model is such a mean,
        or each label is there and lacking in all parts that are judged.
    """
    data, targets = spec.data, spec.data.y_train
    means = [m for m in metrics_in(model) if type(m) is keras.metrics.AUC and m.multi_label]
    if not means or targets.ndim != 2:
        return ""
    replicates = spec.whole_replicates
    alike = [_are_alike(targets[each.valid]) for each in replicates if len(each.valid)]
    in_test = _are_alike(data.y_test) if len(data.y_test) else np.zeros(targets.shape[1], bool)
    found = np.flatnonzero(np.any([*alike, in_test], axis=0))
    if not len(found):
        return ""
    parts = sum(bool(part.any()) for part in alike)
    where = [f"{parts} of {len(replicates)} validation parts"] * bool(parts)
    where += ["the test set"] * bool(in_test.any())
    names = [label_names(data)[number] for number in found]
    more = f" and {len(names) - _SHOWN:,} more" * (len(names) > _SHOWN)
    of = f"label{'s' * (len(names) > 1)} {', '.join(names[:_SHOWN])}{more}"
    return (
        f"the metric {means[0].name} is the mean of an area for each label, and all samples are "
        f"alike in {of} in {' and in '.join(where)}: Keras counts an area of 0 there; leave such "
        "labels out of it (label_weights), or score by another metric"
    )


def _are_alike(targets: np.ndarray) -> np.ndarray:
    """Bool `[label]`, whether all or none of the samples have it."""
    alike: np.ndarray = (targets == targets[:1]).all(axis=0)
    return alike
