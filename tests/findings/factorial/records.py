"""Records of studies whose variants have arguments, and their scores."""

from datetime import UTC, datetime

import numpy as np

from kohort.data.inspection.overlap import Overlap
from kohort.evidence.curves import Curves
from kohort.evidence.record import StudyRecord, VariantFacts
from kohort.evidence.settings import Settings


def record_of(arguments, accuracies, *, builds=None, defaults=None, epochs=None, sizes=None):
    """A study of one epoch.

    Args:
        arguments: By variant, as Python code; the names of the variants follow from them.
        accuracies: `[variant, replicate]`; NaN diverged.
        builds: By variant.
        defaults: By variant.
        epochs: By variant.
        sizes: Parameters by variant.
    """
    accuracies = np.asarray(accuracies, float)
    count, replicates = accuracies.shape
    names = [f"v{number}" for number in range(count)]
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    settings = Settings(
        *("study", "Holdout()", "seeds", (90, 10)),
        dict(zip(names, epochs or [1] * count, strict=True)),
        *(10, 0, 0.95, "accuracy", True, True, None, dict.fromkeys(names, ()), "fused", {}),
        *(moment, moment, {}),
    )
    losses = 1 - accuracies
    columns = {
        "val_accuracy": accuracies, "eval_accuracy": accuracies,
        "val_data_loss": losses, "eval_data_loss": losses,
    }  # fmt: skip
    values = np.stack(list(columns.values()), axis=-1)[:, :, None, :]
    curves = Curves(tuple(names), tuple(columns), values, np.ones((count, replicates), int))
    facts = tuple(
        VariantFacts(
            name,
            arguments[number],
            (sizes or [1] * count)[number],
            *(0, "loss", float("nan")),
            (builds or ["build"] * count)[number],
            (defaults or [{}] * count)[number],
            measured_loss="mse",
        )
        for number, name in enumerate(names)
    )
    none = np.zeros(replicates, int)
    copies = Overlap(0, 0, 100, none, none, none + 100, near_sought=False)
    return StudyRecord(settings, facts, (), copies, {1.0: curves}, {})


def grid_of(**axes):
    """The arguments of a grid, as Python code."""
    found = [{}]
    for name, values in axes.items():
        found = [{**point, name: repr(value)} for point in found for value in values]
    return found
