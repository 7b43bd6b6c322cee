"""Writes names of variants in a sentence."""

from collections.abc import Sequence

from kohort.errors import told_apart

MOST_NAMES = 3
"""The most names that a sentence lists."""


def listing(names: Sequence[str], last: str = "and") -> str:
    """All names: `a, b and c`; with semicolons where a name holds a comma.

    Args:
        names: The names.
        last: The word before the last one.
    """
    return _joined(told_apart(names), last)


def shortlist(names: Sequence[str], last: str = "and") -> str:
    """At most three names, and how many others there are: `a, b, c and 7 others`.

    Args:
        names: The names, those that matter most first.
        last: The word before the last one.
    """
    more = len(names) - MOST_NAMES
    others = [] if more <= 0 else ["one other" if more == 1 else f"{more} others"]
    return _joined([*told_apart(names[:MOST_NAMES]), *others], last)


def _joined(texts: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(texts[:-1]), texts[-1]])) if texts else ""
