"""Writes over what the intervals of a test score are, where its rows come in groups."""

import numpy as np

from kohort.data.inspection.groups_of_rows import FEWEST_GROUPS, are_too_few, count_of
from kohort.errors import count
from kohort.findings.statistics.proportion import PairedProportions
from kohort.findings.statistics.scale import fixed
from kohort.report import words


def over_groups_text(groups: np.ndarray | None) -> str:
    """Over what the intervals are, or why there are none, in a sentence; empty without groups.

    Args:
        groups: `[test sample]`, which belong together.
    """
    if groups is None:
        return ""
    number, rows = count(count_of(groups), "group"), f"{len(groups):,} rows"
    if are_too_few(groups):
        return (
            f"There is no interval: the test part has {number} of {rows}, and an interval over "
            f"rows would be too narrow (over groups it takes {FEWEST_GROUPS})."
        )
    return f"Intervals are over the {number} of these {rows}."


def grouped_part(groups: np.ndarray | None) -> dict[str, object]:
    """What parts of the page tell of groups, by the names of the templates.

    Args:
        groups: As in `over_groups_text`.
    """
    return {"over_groups": over_groups_text(groups), "fewest_groups": FEWEST_GROUPS}


def paired_text(found: PairedProportions) -> str:
    """A paired difference with its interval and the p-value of its test, as far as there are."""
    bounds = (found.difference.mean, found.difference.low, found.difference.high)
    mean, low, high = (fixed(100 * bound, 1, "+") for bound in bounds)
    if not found.difference.is_formed:
        return f"{mean} points (no interval)"
    return f"{mean} points ({low} to {high}), {p_text(found)}"


def p_text(found: PairedProportions) -> str:
    """The p-value of a paired difference, by the name of its test."""
    test = "McNemar's exact" if found.groups is None else f"over {found.groups:,} groups,"
    return f"{test} p {words.p_value(found.difference.p_value)}"
