"""What a dataset is, in numbers: `kohort data info`."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels, class_labels
from kohort.data.system import bytes_text

SHOWN_CLASSES = 20
"""The most classes that are shown with their counts; as JSON all are given."""


@dataclass(frozen=True)
class ClassCount:
    """How many samples a class has."""

    name: str
    train: int
    test: int


@dataclass(frozen=True)
class Summary:
    """What a dataset is.

    Attributes:
        name: What it is called.
        train: The number of training samples.
        test: The number of test samples.
        test_from: Where the test set comes from.
        shape: Of one sample.
        dtype: Of the inputs.
        target: What the targets are: "classes", "one-hot classes" or "numbers".
        target_shape: Of one target.
        target_dtype: Of the targets.
        classes: Each class with its counts; none where targets are no classes.
        groups: The number of groups; None where none are given.
        groups_of: What they were made of, where nobody gave them; else "".
        ungrouped: Training samples of a negative group, which always train.
        bytes: Of all arrays.
        fingerprint: SHA-256 of all arrays.
        unreadable: Names of files that could not be read.
        notes: What was changed on reading, a sentence each.
    """

    name: str
    train: int
    test: int
    test_from: str
    shape: tuple[int, ...]
    dtype: str
    target: str
    target_shape: tuple[int, ...]
    target_dtype: str
    classes: tuple[ClassCount, ...]
    groups: int | None
    groups_of: str
    ungrouped: int
    bytes: int
    fingerprint: str
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The same for `json.dumps`."""
        return asdict(self)

    def facts(self) -> list[tuple[str, str]]:
        """The same as pairs of a name and a text."""
        shown = [f"{c.name}: {c.train:,} + {c.test:,}" for c in self.classes[:SHOWN_CLASSES]]
        more = len(self.classes) - SHOWN_CLASSES
        shown += [f"and {more:,} more classes"] * (more > 0)
        facts = [
            ("name", self.name),
            ("training samples", f"{self.train:,}"),
            ("test samples", f"{self.test:,} ({self.test_from})" if self.test else "none"),
            ("a sample", f"{_shape(self.shape)} of {self.dtype}"),
            ("its target", f"{_shape(self.target_shape)} of {self.target_dtype}, {self.target}"),
        ]
        if self.classes:
            facts.append(("classes", f"{len(self.classes):,} (train + test): {', '.join(shown)}"))
        groups = "none given" if self.groups is None else f"{self.groups:,}"
        groups += f", made of {self.groups_of}" if self.groups_of else ""
        alone = f", and {self.ungrouped:,} samples that always train" if self.ungrouped else ""
        facts += [("groups of training samples", groups + alone), ("size", bytes_text(self.bytes))]
        facts.append(("SHA-256", self.fingerprint))
        if self.notes:
            facts.append(("how they were read", "; ".join(self.notes)))
        if self.unreadable:
            facts.append(("could not be read", ", ".join(self.unreadable)))
        return facts


def summary(data: Dataset) -> Summary:
    """What a dataset is."""
    labels = class_labels(data)
    held_out = np.empty(0, int) if data.groups is None else data.groups[data.groups >= 0]
    arrays = (data.x_train, data.y_train, data.x_test, data.y_test)
    return Summary(
        data.name or "data",
        len(data.x_train),
        len(data.x_test),
        data.test_from if len(data.x_test) else "there is none",
        data.input_shape,
        str(data.x_train.dtype),
        _kind(labels),
        data.y_train.shape[1:],
        str(data.y_train.dtype),
        () if labels is None else _counts(labels),
        None if data.groups is None else len(np.unique(held_out)),
        data.groups_of,
        0 if data.groups is None else int((data.groups < 0).sum()),
        sum(array.nbytes for array in arrays),
        data.fingerprint,
        data.unreadable,
        data.notes,
    )


def _counts(labels: ClassLabels) -> tuple[ClassCount, ...]:
    return tuple(
        ClassCount(name, int(train), int(test))
        for name, train, test in zip(labels.names, *labels.counts, strict=True)
    )


def _kind(labels: ClassLabels | None) -> str:
    if labels is None:
        return "numbers"
    return "classes" if labels.form == "integers" else "one-hot classes"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) if shape else "one number"
