"""How often the interval of a mean holds what it is an interval of."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from kohort.design.replicates import Holdout, KFold
from kohort.findings.statistics.interval import Interval, mean_interval
from simulations import resampling
from simulations.cell import Cell, Outcome
from simulations.comparisons import Draw, heavy, normal, skewed
from simulations.resampling import Fit, Model, Splits, centroids, least_squares, random_units


def of_seeds(random: np.random.Generator, draw: Draw, replicates: int) -> Outcome:
    """Over independent replicates with a true mean of 0."""
    interval = mean_interval(draw(random, (1, replicates))[0])
    return {"covers": float(interval.low <= 0 <= interval.high), "half width": _half(interval)}


def of_splits(random: np.random.Generator, fits: Sequence[Fit], splits: Splits) -> Outcome:
    """Over replicates of one data set; true is what new data sets of this size give.

    Args:
        random: Where chance comes from.
        fits: One algorithm, or two whose difference is looked at.
        splits: Of a new data set each time.
    """
    errors, _ = resampling.scores(random, tuple(Model(fit, 0) for fit in fits), splits)
    training = len(resampling.indices(splits, 0)[0][0])
    expected = [resampling.expected_error(fit, training) for fit in fits]
    values, truth = errors[-1], expected[-1]
    if len(fits) > 1:
        values, truth = errors[1] - errors[0], expected[1] - expected[0]
    corrected = mean_interval(values, test_to_train=resampling.ratio_of(splits))
    plain = mean_interval(values)
    return {
        "covers": float(corrected.low <= truth <= corrected.high),
        "covers without correction": float(plain.low <= truth <= plain.high),
        "half width": _half(corrected),
    }


PAIRS: dict[str, tuple[Fit, ...]] = {
    "error of least squares": (least_squares,),
    "least squares - nearest centroid": (centroids, least_squares),
    "random hidden layer - least squares": (least_squares, random_units),
}
SPLITS: dict[str, Splits] = {
    "Holdout(0.2, repeats=5)": Holdout(0.2, 5),
    "Holdout(0.2, repeats=10)": Holdout(0.2, 10),
    "Holdout(0.1, repeats=5)": Holdout(0.1, 5),
    "KFold(5)": KFold(5),
    "KFold(10)": KFold(10),
    "KFold(5, repeats=3)": KFold(5, 3),
}


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    shapes = {"normal": normal, "heavy tails": heavy, "skewed": skewed}
    for name, draw in shapes.items():
        for replicates in (3, 5, 10):
            key = ("coverage over seeds", name, f"{replicates}")
            yield Cell(key, partial(of_seeds, draw=draw, replicates=replicates), 4 * studies)
    for pair, fits in PAIRS.items():
        for name, splits in SPLITS.items():
            key = ("coverage over splits", pair, name)
            yield Cell(key, partial(of_splits, fits=fits, splits=splits), studies)


def _half(interval: Interval) -> float:
    return (interval.high - interval.low) / 2
