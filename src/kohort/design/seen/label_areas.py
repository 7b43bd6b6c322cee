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
    targets = spec.data.y_train
    if targets.ndim != 2:
        return ""
    means = [m for m in metrics_in(model) if type(m) is keras.metrics.AUC and m.multi_label]
    return next(filter(None, (_slip(metric, spec) for metric in means)), "")


def _slip(metric: keras.metrics.AUC, spec: StudySpec) -> str:
    data, targets, replicates = spec.data, spec.data.y_train, spec.whole_replicates
    alike = [_counts_zero(metric, targets[r.valid]) for r in replicates if len(r.valid)]
    in_test = _counts_zero(metric, data.y_test)
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
        f"the metric {metric.name} is the mean of an area for each label, and all samples are "
        f"alike in {of} in {' and in '.join(where)}: Keras counts an area of 0 there; leave such "
        "labels out of it (label_weights), or score by another metric"
    )


def _counts_zero(metric: keras.metrics.AUC, targets: np.ndarray) -> np.ndarray:
    """Bool `[label]`, of which labels Keras counts an area of 0, whatever a model answers.

    Under precision and recall one that all samples have counts 1, and is no such.
    """
    if not len(targets):
        return np.zeros(targets.shape[1], bool)
    lacking = (targets == 0).all(axis=0)
    if metric.curve.name == "ROC":
        lacking |= (targets != 0).all(axis=0)
    weights = metric.label_weights
    counted = lacking if weights is None else lacking & (np.asarray(weights) != 0)
    return np.asarray(counted, bool)
