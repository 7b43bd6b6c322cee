"""Records of studies that trained nothing, as large and as long as real ones."""

from dataclasses import replace

import numpy as np

from tests.findings.factorial.records import grid_of, record_of
from tests.report.race.race_records import noisy

UNITS = ["()", "(200,)", "(400, 200)", "(600, 400, 200)"]


def named(record, names):
    """The record with other names of its variants."""
    names = tuple(names)
    keyed = {
        of: dict(zip(names, getattr(record.settings, of).values(), strict=True))
        for of in ("epochs", "shares")
    }
    curves = {share: replace(of_share, variants=names) for share, of_share in record.curves.items()}
    variants = tuple(
        replace(facts, name=name) for facts, name in zip(record.variants, names, strict=True)
    )
    settings = replace(record.settings, **keyed)
    return replace(record, settings=settings, curves=curves, variants=variants)


def grid_record(*means, replicates=8, epochs=12):
    """A study of a grid of units and dropout, whose curves end at scores around some means.

    Args:
        means: The accuracies at the end, two for each of `UNITS`.
        replicates: Of each variant.
        epochs: Of each replicate.
    """
    arguments = [
        {"units": units, "dropout": dropout} for units in UNITS for dropout in ("0.0", "0.5")
    ][: len(means)]
    names = [", ".join(f"{name}={code}" for name, code in one.items()) for one in arguments]
    return named(trained(record_of(arguments, noisy(*means, replicates=replicates)), epochs), names)


def trained(record, epochs):
    """The record of one epoch, with curves that come to the same end after more epochs."""
    whole = record.whole
    left = 0.5 ** np.arange(epochs) / 2
    rises = np.array([-1, -1, 1, 1])  # scores rise, losses fall
    values = whole.values + rises * (left - left[-1])[:, None]
    curves = replace(whole, values=values, lengths=np.full(whole.lengths.shape, epochs))
    settings = replace(record.settings, epochs=dict.fromkeys(record.settings.epochs, epochs))
    return replace(record, curves={1.0: curves}, settings=settings)


def sized_record(*means, shares=(1 / 16, 1 / 8, 1 / 4, 1 / 2)):
    """A study whose variants trained on parts of 45,000 samples, too: errors fall by a power law.

    Args:
        means: The accuracies of the variants on all samples.
        shares: The parts.
    """
    arguments = grid_of(units=list(range(len(means))))
    record = record_of(arguments, noisy(*means, spread=1e-3))
    curves = {
        share: record_of(arguments, 1 - (1 - noisy(*means, spread=1e-3)) / share**0.3).whole
        for share in (*shares, 1.0)
    }
    settings = replace(
        record.settings, samples=(45_000, 5_000), shares=dict.fromkeys(record.variant_names, shares)
    )
    names = [f"units=(600, 400, 200), dropout=0.{n}" for n in range(len(means))]
    return named(replace(record, curves=curves, settings=settings), names)
