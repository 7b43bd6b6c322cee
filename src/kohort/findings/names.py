"""Writes names of variants in a sentence."""

from collections.abc import Sequence

from kohort.errors import told_apart

MOST_NAMES = 3
"""The most names that a sentence lists before it counts the others."""


def listing(names: Sequence[str], last: str = "and") -> str:
    """All names: `a, b and c`; each in quotes where one holds a comma.

    Args:
        names: The names.
        last: The word before the last one.
    """
    return _joined(told_apart(names), last)


def shortlist(names: Sequence[str], last: str = "and") -> str:
    """At most four names; of more the first three, and how many others: `a, b, c and 7 others`.

    Args:
        names: The names, those that matter most first.
        last: The word before the last one.
    """
    more = len(names) - MOST_NAMES
    if more <= 1:  # To name the last one takes no more room than to say that there is one.
        return listing(names, last)
    return _joined([*told_apart(names[:MOST_NAMES]), f"{more} others"], last)


def _joined(texts: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(texts[:-1]), texts[-1]])) if texts else ""


def capital(text: str) -> str:
    """A text that begins a sentence."""
    return text[:1].upper() + text[1:]
