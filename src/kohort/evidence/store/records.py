"""What a store hands out: frozen records, and the text that keeps their values."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from kohort.errors import StoreError


class MemberKey(NamedTuple):
    """Names a member in its study: a variant, a replicate, and the part of its samples."""

    variant: str
    replicate: int
    share: float = 1.0


class EpochRecord(NamedTuple):
    """What one member measured in one epoch (from 0): metrics by name."""

    member: MemberKey
    epoch: int
    logs: dict[str, float]


@dataclass(frozen=True)
class VariantRecord:
    """How a variant is built.

    Args:
        name: Its name.
        source: Text of its build function.
        arguments: What the function is called with; what is not JSON is kept as its `repr`.
        model: How its model is configured, as text; "" where nobody can tell.
    """

    name: str
    source: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    model: str = ""

    @property
    def source_hash(self) -> str:
        """SHA-256 of the source, in hexadecimal."""
        return hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class MemberRecord:
    """How far a member came.

    Args:
        key: Which member.
        epochs: Epochs that are kept of it.
        finished: When it finished, in UTC; None while it has not.
        seconds: How long it trained.
        weights: Name of the file with its weights.
        sha256: Of that file, in hexadecimal.
    """

    key: MemberKey
    epochs: int
    finished: datetime | None
    seconds: float | None
    weights: str | None
    sha256: str | None


@dataclass(frozen=True)
class RunRecord:
    """One run of a study, by one process.

    Args:
        number: Counts the runs of a store; later runs have higher numbers.
        started: When, in UTC.
        finished: When, in UTC; None where the run did not live to tell, or runs still.
        outcome: A word for how it ended; "killed" where the next run found it unended.
        environment: Versions and hardware.
        host: Where it ran.
        pid: In which process.
    """

    number: int
    started: datetime
    finished: datetime | None
    outcome: str | None
    environment: dict[str, Any]
    host: str
    pid: int


@dataclass(frozen=True)
class Event:
    """Something that happened to a study: when (UTC), of what kind, in words, in which run."""

    at: datetime
    kind: str
    text: str
    run: int | None


@dataclass(frozen=True)
class FindingRecord:
    """A finding as it is kept; the fields are those of a finding."""

    code: str
    variant: str | None
    verdict: str
    sentence: str
    advice: str
    evidence: dict[str, Any]


@dataclass(frozen=True, eq=False)
class ReadingRecord:
    """One reading of a study's test set.

    Args:
        at: When, in UTC.
        about: What was read, of JSON.
        arrays: What was found, by name; None where that is damaged.
    """

    at: datetime
    about: Any
    arrays: dict[str, np.ndarray] | None


@dataclass(frozen=True, eq=False)
class StoredCheckpoint:
    """A cohort in the middle of training: arrays by name, and whatever else goes on from there."""

    cohort: str
    epoch: int
    arrays: dict[str, np.ndarray]
    state: dict[str, Any]


@dataclass(frozen=True)
class StudySummary:
    """A study in one line.

    Args:
        name: Its name.
        created: When, in UTC.
        planned: Members that it has.
        finished: Members that finished.
        epochs: Epochs that are kept, over all members.
        outcome: How its last run ended; None where there is none, or it runs still.
    """

    name: str
    created: datetime
    planned: int
    finished: int
    epochs: int
    outcome: str | None


def to_text(value: object, otherwise: Callable[[Any], object] | None = None) -> str:
    """A value as JSON, with NaN and infinities; arrays of NumPy become lists.

    Args:
        value: What to keep.
        otherwise: Makes JSON of what is not; None refuses it.

    Raises:
        TypeError: The value is not JSON, and there is no `otherwise`.
    """

    def plain(part: object) -> object:
        if isinstance(part, np.generic | np.ndarray):
            return part.tolist()
        if otherwise is None:
            raise TypeError(f"a store keeps JSON, and no {type(part).__name__}")
        return otherwise(part)

    return json.dumps(value, default=plain)


def from_text(text: str) -> Any:
    """The value that `to_text` made a text of.

    Raises:
        StoreError: The text is damaged.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise damaged("a text that is no JSON") from error


def damaged(what: str) -> StoreError:
    """The error that tells of rows that are not as they were written."""
    return StoreError(
        "the rows of the store as they were written",
        f"damaged ones: {what}",
        "restore the store from a copy, or have the study begin anew: fresh=True, or --fresh",
    )


def printable(text: str) -> str:
    """A text that every database takes: without NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
