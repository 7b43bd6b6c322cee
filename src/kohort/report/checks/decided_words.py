"""What was decided on samples, and what is left, in sentences."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from kohort.data.cleaning.decisions import Action, Decision
from kohort.data.copies import find_copies
from kohort.data.dataset import Dataset
from kohort.data.inspection.copy_facts import copy_facts
from kohort.data.labels import class_labels
from kohort.errors import in_brackets, legible
from kohort.report.checks.proposals import COPIES, TITLES

_DONE: dict[Action, str] = {"leave out": "left out", "relabel": "relabelled", "keep": "kept"}


def decided_words(data: Dataset, decisions: Sequence[Decision], clean: Dataset) -> list[str]:
    """What was read, what was decided on whom, and what is left; in the order of `data prepare`.

    Args:
        data: The data.
        decisions: On their samples.
        clean: The data that are left.
    """
    samples = len(data.x_train) + len(data.x_test)
    told = [f"samples read: {samples:,}, {len(data.x_test):,} of them to test"]
    told.append(f"could not be read: {len(data.unreadable):,}{in_brackets(data.unreadable)}")
    told += [_of_code(code, decisions) for code in TITLES]
    others = [d for d in decisions if not set(d.codes.split()) & TITLES.keys()]
    told += [f"listed for something else: {_counted(others)}"] * bool(others)
    told += [_relabelled(decisions)] * any(d.decision == "relabel" for d in decisions)
    looked_at = [d.place for d in decisions if d.decision == "leave out" and not _is_copy(d)]
    named = in_brackets(looked_at)
    told += [f"left out, and no copies: {len(looked_at):,}{named}"] * bool(looked_at)
    return [*map(legible, told), *_left(data, clean)]


def _of_code(code: str, decisions: Sequence[Decision]) -> str:
    listed = [decision for decision in decisions if code in decision.codes.split()]
    named = TITLES[code] if code == "copy" else f"{TITLES[code]} ({code})"
    return f"{named}: {_counted(listed)}"


def _counted(listed: Sequence[Decision]) -> str:
    counts = Counter(decision.decision for decision in listed)
    parts = [f"{counts[each]:,} {done}" for each, done in _DONE.items() if counts[each]]
    return ", ".join(parts) or "none listed"


def _relabelled(decisions: Sequence[Decision]) -> str:
    changed = [d for d in decisions if d.decision == "relabel"]
    named = [f"{d.place} from {d.label or 'its class'} to {d.new_label}" for d in changed]
    return f"relabelled: {len(changed):,}{in_brackets(named)}"


def _is_copy(decision: Decision) -> bool:
    return bool(COPIES & set(decision.codes.split()))


def _left(data: Dataset, clean: Dataset) -> list[str]:
    """The counts that are left, and what is still among them."""
    sides = (("train", data.x_train, clean.x_train), ("test", data.x_test, clean.x_test))
    kept = [f"{side}: {len(now):,} of {len(before):,}" for side, before, now in sides]
    told = ["left: " + "; ".join(kept)]
    told.append(f"still there: {_still_there(clean)}")
    gone = _classes_without(clean)
    told += [f"classes without training samples now: {', '.join(gone)}"] * bool(gone)
    return told


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
    there = set(clean.y_train.tolist()) if clean.class_names else set()
    return [legible(n) for number, n in enumerate(clean.class_names or ()) if number not in there]
