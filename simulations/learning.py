"""How often a learning curve's forecast holds, and what it is taken for."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from kohort.findings.statistics.learning_curve import learning_curve
from simulations.cell import Cell, Outcome

SHARED, OWN = 0.007, 0.004
"""Standard deviations of an error: what a replicate does at all sizes alike, and at each anew."""
LARGEST = 16_000
MARGIN = 0.01
REPLICATES = 5

type Truth = Callable[[np.ndarray | float], np.ndarray | float]


def power_law(n: np.ndarray | float, limit: float, fall: float, exponent: float) -> np.ndarray:
    """The error at n samples; at the largest size it is `limit + fall`."""
    return np.asarray(limit + fall * (np.asarray(n, float) / LARGEST) ** -exponent)


def saturating(n: np.ndarray | float) -> np.ndarray:
    """Falls exponentially, and so faster to its limit than any power law."""
    return np.asarray(0.10 + 0.10 * np.exp(-np.asarray(n, float) / 6000))


def bumped(n: np.ndarray | float) -> np.ndarray:
    """Rises on its way, as in sample-wise double descent."""
    return np.asarray(power_law(n, 0.0, 0.10, 0.25) + 0.04 * (np.abs(np.log2(n / 4000)) < 0.5))


TRUTHS: dict[str, Truth] = {
    "flat": partial(power_law, limit=0.10, fall=0.0, exponent=0.5),
    "exponent 0.1": partial(power_law, limit=0.0, fall=0.10, exponent=0.1),
    "exponent 0.25": partial(power_law, limit=0.0, fall=0.10, exponent=0.25),
    "exponent 0.5, limit 6.7 points": partial(power_law, limit=0.067, fall=0.033, exponent=0.5),
    "exponent 0.5": partial(power_law, limit=0.0, fall=0.10, exponent=0.5),
    "exponential, no power law": saturating,
    "with a bump, no power law": bumped,
}


def forecast(random: np.random.Generator, truth: Truth, sizes: int) -> Outcome:
    """What one study says of twice the data.

    Outcomes: whether it claims a law at all; of those that do whether the interval of the gain
    holds the truth ("misses", so that a mean over all studies counts what does harm); verdicts.
    """
    samples = LARGEST // 2 ** np.arange(sizes - 1, -1, -1)
    shared = SHARED * random.standard_normal(REPLICATES)
    individual = OWN * random.standard_normal((sizes, REPLICATES))
    errors = np.asarray(truth(samples))[:, None] + shared + individual
    found = learning_curve(samples, errors, margin=MARGIN)
    gain = float(truth(LARGEST) - truth(2 * LARGEST))
    claims = found.law is not None
    return {
        "gain": gain,
        "claims": float(claims),
        "misses": float(claims and not found.gain.low <= gain <= found.gain.high),
        "helps": float(found.verdict == "helps"),
        "does not help": float(found.verdict == "does not help"),
    }


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for name, truth in TRUTHS.items():
        for sizes in (5, 6):
            key = ("learning curves", name, f"{sizes}")
            yield Cell(key, partial(forecast, truth=truth, sizes=sizes), studies // 2)
