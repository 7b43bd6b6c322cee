"""Corrections of the p-values of several hypotheses."""

from collections.abc import Sequence

import numpy as np
import scipy


def holm(p_values: Sequence[float], kept: int = 0) -> np.ndarray:
    """Holm's step-down adjusted p-values (Holm 1979); NaN stays NaN and does not count.

    Args:
        p_values: `[comparison]`.
        kept: Further hypotheses of the family, whose p-values are 1.

    Returns:
        float64 `[comparison]`: reject those at or below alpha to keep the chance of any false
        rejection at or below alpha.
    """
    p = np.asarray(p_values, float)
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    weights = kept + len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(weights * p[order]))
    return adjusted


def simes(p_values: Sequence[float]) -> float:
    """The p-value of Simes's test (Simes 1986) that no hypothesis of a set is false.

    Exact for independent p-values, and conservative for many kinds of positive dependence (Sarkar
    1998). No theorem covers two-sided p-values of all pairs; by simulation the test keeps its level
    there. It is the smallest adjusted p-value of Benjamini and Hochberg.

    Args:
        p_values: `[hypothesis]`; NaN do not count.

    Returns:
        The p-value; 0, with which `correct` changes nothing, if there are none.
    """
    p = np.asarray(p_values, float)
    p = p[~np.isnan(p)]
    return float(scipy.stats.false_discovery_control(p).min()) if len(p) else 0.0


def hochberg(p_values: Sequence[float], kept: int = 0) -> np.ndarray:
    """Hochberg's step-up adjusted p-values (Hochberg 1988); NaN stays NaN and does not count.

    As Holm's, but all hypotheses are rejected if even the largest p-value is at or below alpha. It
    needs p-values that do not depend negatively on each other, as those of several differences from
    one variant do not.

    Args:
        p_values: `[comparison]`.
        kept: Further hypotheses of the family, whose p-values are 1.
    """
    p = np.asarray(p_values, float)
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(-p[known], kind="stable")]
    weights = kept + 1 + np.arange(len(order))
    adjusted[order] = np.minimum.accumulate(np.minimum(1.0, weights * p[order]))
    return adjusted
