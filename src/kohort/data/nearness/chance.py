"""How probable it is that points are near each other by chance."""

import numpy as np

CHANCE_PAIRS = 0.01
"""Near copies are looked for where chance makes fewer near pairs than this in the whole dataset."""
_SAMPLE_ROWS, _SAMPLE_NUMBERS, _PRINCIPAL_ROWS = 2000, 2**24, 256


def sample_size(numbers: int) -> int:
    """How many samples, of so many numbers each, to estimate the usual difference from."""
    return min(_SAMPLE_ROWS, max(2, _SAMPLE_NUMBERS // max(1, numbers)))


def usual_difference(sample: np.ndarray) -> float:
    """The usual difference of two rows of a sample `[row, feature]` in random order.

    The median: by the mean, a few outliers would make all other samples near.
    """
    return float(np.median(np.linalg.norm(np.diff(sample, axis=0), axis=1)))


def principal_axes(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The principal variances and axes of a sample `[row, feature]`, by the first of its rows.

    Returns:
        Variances `[axis]`, descending, and axes `[feature, axis]`, orthonormal.
    """
    sample = sample[:_PRINCIPAL_ROWS].astype(np.float64)
    centred = sample - sample.mean(axis=0)
    # From the products of the rows or of the features, whichever are fewer.
    by_rows = len(sample) < sample.shape[1]
    squares, vectors = np.linalg.eigh(centred @ centred.T if by_rows else centred.T @ centred)
    real = squares > 1e-9 * squares.max()
    squares, vectors = squares[real][::-1], vectors[:, real][:, ::-1]
    axes = centred.T @ (vectors / np.sqrt(squares)) if by_rows else vectors
    return squares / (len(sample) - 1), axes


def chance(variances: np.ndarray, radius: float) -> float:
    """An upper bound on the probability that two normal points lie within the radius.

    Chernoff's bound: `exp(t) * E[exp(-t * (distance / radius)^2)]`, minimised over `t > 0`.

    Args:
        variances: `[axis]`.
        radius: The radius.
    """
    t = np.geomspace(0.1, len(variances) / 2 + 1, 64)
    log_mean = -0.5 * np.log1p(4 * t[:, None] * variances / radius**2).sum(axis=1)
    return float(np.exp((t + log_mean).min()))
