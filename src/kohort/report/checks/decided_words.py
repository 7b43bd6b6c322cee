"""What was decided on samples, and what is left, in sentences."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from kohort.data.cleaning.decisions import Decision
from kohort.data.copies import find_copies
from kohort.data.dataset import Dataset
from kohort.data.inspection.copy_facts import copy_facts
from kohort.data.labels import class_labels
from kohort.errors import in_brackets, legible
from kohort.report.checks.proposals import COPIES, COPY, TITLES

_OTHER = "something else"


def decided_words(data: Dataset, decisions: Sequence[Decision], clean: Dataset) -> list[str]:
    """What was read, what was left out and why, and what is kept; the counts add up.

    A sample counts once, for the first of `TITLES` that it was listed for.

    Args:
        data: The data.
        decisions: On their samples.
        clean: The data that are left.
    """
    gone = [decision for decision in decisions if decision.decision == "leave out"]
    train, test = len(data.x_train), len(data.x_test)
    sides = f"train: {len(clean.x_train):,} of {train:,}, test: {len(clean.x_test):,} of {test:,}"
    told = [
        f"samples read: {train + test:,} (train: {train:,}, test: {test:,})",
        unreadable_files(data),
        *_left_out(gone),
        f"left out in all: {len(gone):,}",
        f"kept: {train + test - len(gone):,} ({sides})",
        *_changed(decisions),
    ]
    without = _classes_without(clean)
    told.append(f"still there: {_still_there(clean)}")
    told += [f"classes without training samples now: {', '.join(without)}"] * bool(without)
    return [legible(line) for line in told]


def unreadable_files(data: Dataset) -> str:
    """How many files could not be read, and which."""
    files = data.unreadable
    return f"files that could not be read: {len(files):,}{in_brackets(files)}"


def _left_out(gone: Sequence[Decision]) -> list[str]:
    """A line for each reason; those that are no copies are named.

    Of samples that are left out for an earlier reason too, it tells how many that are.
    """
    told = []
    for reason in (*TITLES, _OTHER):
        of_it = [decision for decision in gone if _reason(decision) == reason]
        named = "" if reason in COPIES else in_brackets([decision.place for decision in of_it])
        if of_it or reason != _OTHER:
            before = sum(reason in d.codes.split() for d in gone) - len(of_it)
            counted = f"; counted above: {before:,}" * (before > 0)
            told.append(f"left out, {_title(reason)}: {len(of_it):,}{named}{counted}")
    return told


def _changed(decisions: Sequence[Decision]) -> list[str]:
    """What is kept though it was listed, and what has another label."""
    stays = Counter(_title(_reason(d)) for d in decisions if d.decision == "keep")
    reasons = ", ".join(f"{title} {count:,}" for title, count in stays.items())
    told = [f"listed, and kept as they are: {stays.total():,} ({reasons})"] * bool(stays)
    changed = [d for d in decisions if d.decision == "relabel"]
    named = [f"{d.place} from {d.label or 'its class'} to {d.new_label}" for d in changed]
    return told + [f"kept with a new label: {len(changed):,}{in_brackets(named)}"] * bool(changed)


def _reason(decision: Decision) -> str:
    codes = decision.codes.split()
    return next((code for code in TITLES if code in codes), _OTHER)


def _title(reason: str) -> str:
    title = TITLES.get(reason, reason)
    return title if reason in (COPY, _OTHER) else f"{title} ({reason})"


def _still_there(clean: Dataset) -> str:
    """What decisions have left of copies."""
    found = find_copies(clean)
    pattern = found.all_patterns
    disputed = copy_facts(found, class_labels(clean)).disputed
    told = [
        f"exact copies of another sample {len(pattern) - len(np.unique(pattern)):,}",
        f"sets of them with different labels {len(disputed):,}",
        f"test samples with an exact copy in train {int(found.test_exact.sum()):,}",
    ]
    near = int((found.test & ~found.test_exact).sum())
    told.append(f"with a near one {near:,}" if found.near_sought else "near ones not sought")
    return ", ".join(told)


def _classes_without(clean: Dataset) -> list[str]:
    names = (clean.class_names or ()) if clean.classes else ()
    there = set(clean.y_train.tolist()) if names else set()
    return [name for number, name in enumerate(names) if number not in there]
