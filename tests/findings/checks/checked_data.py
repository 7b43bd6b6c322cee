"""Facts about data for the rules, made up."""

import numpy as np

from kohort.data.copies import Copies
from kohort.data.inspection.column_facts import ColumnFacts
from kohort.data.inspection.copy_facts import CopyFacts
from kohort.data.inspection.group_facts import GroupFacts
from kohort.data.inspection.inputs.told_alone import ToldAlone
from kohort.data.inspection.time_facts import OrderInTime
from kohort.data.labels import ClassLabels
from kohort.findings.checks.checked import CheckedData, OutOfFold
from kohort.findings.statistics.interval import Interval

PAIRS = np.empty((0, 2), int)


def copies(*, near=0, exact=0, test=1000, sought=True, chance=False, disputed=(), near_disputed=0):
    """So many test samples with a near, and with an exact copy."""
    is_exact = np.arange(test) < exact
    found = Copies(
        np.arange(test) < exact + near, is_exact, np.arange(1000), PAIRS, sought,
        np.arange(1000, 1000 + test), PAIRS, chance,
    )  # fmt: skip
    between = np.zeros((near_disputed, 2), int)
    pairs = np.zeros((exact + near, 2), int)
    sets = tuple(np.arange(count) for count in disputed)
    return CopyFacts(found, pairs, np.arange(1000 + test), sets, between)


def labels(train=(500, 500), test=(500, 500)):
    names = tuple("abcdefgh"[: len(train)])
    sides = (np.repeat(np.arange(len(side)), side) for side in (train, test))
    return ClassLabels(*sides, names, "integers")


def groups(*, given=False, copied=0, columns=(), made_of="", across=None, fewer=None):
    on_both = 7 if across else 0
    return GroupFacts(given, copied, 1000, columns, made_of, across, on_both, fewer)


def columns(names=3, **idle):
    seen = {"constant": (), "copies": (), "outweighed": (), **idle}
    return ColumnFacts(tuple(f"column {n}" for n in range(names)), **seen)


def alone(names=3, *, right=None, of_class=None, explained=None, ranked=None, earlier=(), **more):
    """What so many columns tell by themselves."""
    given = {"right": right, "of_class": of_class, "explained": explained, "ranked": ranked}
    if explained is not None and ranked is None:
        given["ranked"] = np.zeros(names)
    arrays = {name: None if part is None else np.array(part) for name, part in given.items()}
    called = tuple(f"column {n}" for n in range(names))
    return ToldAlone(called, names, **arrays, earlier=tuple(called[n] for n in earlier), **more)


def in_time(alike, *, name="day", p=0.0005, in_order=1.0, later=False, groups=False):
    """What was measured over 400 rows, or groups, in order of a column."""
    return OrderInTime(name, 400, groups, alike, 0.1, p, in_order, later)


def predicted(counts):
    """Predictions of which so many `[label, most probable class]` are sure."""
    counts = np.array(counts)
    label, guess = (np.repeat(n.ravel(), counts.ravel()) for n in np.indices(counts.shape))
    probabilities = np.full((len(label), len(counts)), 0.01)
    probabilities[np.arange(len(label)), guess] = 1 - 0.01 * (len(counts) - 1)
    return OutOfFold(np.arange(len(label)), label, probabilities)


def interval(low, high):
    return Interval((low + high) / 2, low, high, 100, np.nan)


def checked(*, train=1000, test=1000, **given):
    facts = {"copies": copies(test=test), "groups": groups(), "labels": labels()}
    if "told" in given:
        given["told"] = (given["told"],)
    return CheckedData(train, test, **{**facts, **given})
