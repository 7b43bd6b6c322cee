"""The groups of test rows: which belong together, and whether they are enough for an interval."""

import numpy as np

FEWEST_GROUPS = 5
"""The fewest groups of test rows that an interval is told over.

Of four, Student's quantile is 3.2: an accuracy's interval spans half of all that it can be, and
hangs on four groups being near normal. Of fewer it is wider yet.
"""


def numbered(groups: np.ndarray | None) -> np.ndarray | None:
    """Groups `[row]` of any integers numbered from 0; None where no two rows are of one.

    A negative group says nothing of which rows belong together: each such row is one by itself.
    """
    if groups is None:
        return None
    number = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    alone = np.flatnonzero(groups < 0)
    number[alone] = len(groups) + np.arange(len(alone))
    number = np.unique(number, return_inverse=True)[1].astype(np.int64)
    return None if number.max(initial=-1) + 1 == len(number) else number


def count_of(groups: np.ndarray) -> int:
    """How many groups there are."""
    return len(np.unique(groups))


def are_too_few(groups: np.ndarray | None) -> bool:
    """Whether no interval can be told over these groups."""
    return groups is not None and count_of(groups) < FEWEST_GROUPS


def few_to_test(groups: np.ndarray | None) -> str:
    """That test samples are of too few groups for an interval, in a clause; "" where they are not.

    Args:
        groups: `[test sample]`, the group of each, as `numbered` takes them.
    """
    known = numbered(groups)
    if known is None or not are_too_few(known):
        return ""
    number = count_of(known)
    return (
        f"the test part has {number} group{'s' * (number > 1)} of {len(known):,} rows: its score "
        f"gets no interval, which takes {FEWEST_GROUPS} groups (a larger part, `test=`, may have "
        "them)"
    )
