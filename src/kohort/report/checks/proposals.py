"""What a check proposes to decide on samples: nothing that is in doubt is left out unasked."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from kohort.data.cleaning.decisions import Action, Decision, checksum
from kohort.data.dataset import Dataset
from kohort.findings.checks import across_copies, disputes, doubtful_labels, odd_samples
from kohort.findings.checks.checked import CheckedData
from kohort.findings.names import listing
from kohort.report.checks.suspect_rows import suspect_rows
from kohort.report.checks.thumbnails import label_of, place_of

COPY = "copy"
"""In the place of a code: an exact copy on one side, which no rule of `kohort data check` tells."""
TITLES = {
    disputes.RULE.code: disputes.RULE.title,
    across_copies.RULE.code: across_copies.RULE.title,
    COPY: "exact copies on one side",
    odd_samples.RULE.code: "blank samples",
    doubtful_labels.RULE.code: doubtful_labels.RULE.title,
}
"""What samples are listed for; one that is listed for several counts for the first."""
COPIES = frozenset({COPY, disputes.RULE.code, across_copies.RULE.code})
"""Those of copies."""


class _Seen(NamedTuple):
    """What was seen of a sample, and what is proposed for it."""

    sample: int
    code: str
    words: str
    action: Action = "keep"
    new_label: str = ""


def proposals(data: Dataset, checked: CheckedData) -> list[Decision]:
    """Decisions on the samples that a check has something to say of; all others are kept.

    Left out are exact copies: in the test set those of training samples, else those of a sample
    before them, and all copies of one sample that have different labels. So `kohort data prepare`
    has it. In tables where equal rows may be chance they are kept. Near copies, blank samples and
    doubtful labels are listed, and kept: half of such suspects are right.

    Args:
        data: The data.
        checked: What was seen of them.

    Returns:
        Doubtful labels first, the most suspect ahead; then what else asks for eyes; then copies.
    """
    of_sample: dict[int, list[_Seen]] = {}
    for seen in _everything(data, checked):
        of_sample.setdefault(seen.sample, []).append(seen)
    return [_decision(data, checked, sample, all_of) for sample, all_of in of_sample.items()]


def _everything(data: Dataset, checked: CheckedData) -> Iterator[_Seen]:
    for row in suspect_rows(data, checked):
        words = (
            f"models that were not trained on it say {row['suggested']} "
            f"({row['of_suggested']:.2g} against {row['of_given']:.2g})"
        )
        yield _Seen(row["sample"], doubtful_labels.RULE.code, words, "keep", row["suggested"])
    yield from _near(data, checked)
    for sample in checked.blank:
        yield _Seen(int(sample), odd_samples.RULE.code, "all of its numbers are equal")
    yield from _disputed(data, checked)
    yield from _exact(data, checked)


def _near(data: Dataset, checked: CheckedData) -> Iterator[_Seen]:
    facts = checked.copies
    for one, other in facts.near_disputed:
        for sample, twin in ((int(one), int(other)), (int(other), int(one))):
            label = label_of(data, checked.labels, twin)
            words = f"near copy of {place_of(data, twin)}, which is {label}"
            yield _Seen(sample, disputes.RULE.code, words)
    for test, train in facts.pairs:
        if not facts.copies.test_exact[test - checked.train]:
            words = f"near copy of {place_of(data, int(train))}"
            yield _Seen(int(test), across_copies.RULE.code, words)


def _disputed(data: Dataset, checked: CheckedData) -> Iterator[_Seen]:
    action = _action(checked)
    for copies in checked.copies.disputed:
        names = dict.fromkeys(label_of(data, checked.labels, int(sample)) for sample in copies)
        words = f"its exact copies have the labels {listing(list(names))}"
        for sample in copies:
            yield _Seen(int(sample), disputes.RULE.code, words, action)


def _exact(data: Dataset, checked: CheckedData) -> Iterator[_Seen]:
    """Copies of a sample before them, of the same target; and test samples that were trained on."""
    facts, action = checked.copies, _action(checked)
    for test, train in facts.pairs:
        if facts.copies.test_exact[test - checked.train]:
            words = f"exact copy of {place_of(data, int(train))}"
            yield _Seen(int(test), across_copies.RULE.code, words, action)
    pattern = facts.copies.all_patterns
    target = np.concatenate([data.y_train, data.y_test]).reshape(len(pattern), -1)
    whole = np.column_stack([pattern, np.unique(target, axis=0, return_inverse=True)[1].ravel()])
    _, first, number = np.unique(whole, axis=0, return_index=True, return_inverse=True)
    origin = first[number.ravel()]
    for sample in np.flatnonzero(origin != np.arange(len(origin))):
        if (sample < checked.train) == (origin[sample] < checked.train):
            words = f"exact copy of {place_of(data, int(origin[sample]))}"
            yield _Seen(int(sample), COPY, words, action)


def _action(checked: CheckedData) -> Action:
    """What to do with exact copies."""
    return "leave out" if checked.copies.means_much else "keep"


def _decision(
    data: Dataset, checked: CheckedData, sample: int, all_of: Iterable[_Seen]
) -> Decision:
    seen = list(all_of)
    left_out = any(each.action == "leave out" for each in seen)
    return Decision(
        sample=sample,
        place=place_of(data, sample),
        label=label_of(data, checked.labels, sample),
        codes=" ".join(dict.fromkeys(each.code for each in seen)),
        seen="; ".join(dict.fromkeys(each.words for each in seen)),
        decision="leave out" if left_out else "keep",
        new_label=next((each.new_label for each in seen if each.new_label), ""),
        checksum=checksum(data, sample),
    )
