"""How probable it is that points are near each other by chance."""

import numpy as np

CHANCE_PAIRS = 0.01
"""Near copies are looked for where chance makes fewer near pairs than this in the whole dataset."""


def principal_axes(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The principal variances and axes of a sample `[row, feature]`.

    Returns:
        Variances `[axis]`, descending, and axes `[feature, axis]`, orthonormal.
    """
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
