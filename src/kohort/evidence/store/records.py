"""The records that a store returns, and the conversion of values to text and back."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from kohort.errors import StoreError

PLACES = "places"
"""The entry of a run's environment that tells where members train."""

LEFT = "left"
"""The entry of a run's environment that tells how long it still takes."""


class MemberKey(NamedTuple):
    """Identifies a member in its study: variant, replicate, and the part of its samples.

    A variant that was trained once more, on all samples, has a replicate below 0 there: it is
    stored with the study, and is not part of what the study measured.
    """

    variant: str
    replicate: int
    share: float = 1.0

    @property
    def is_refit(self) -> bool:
        """Whether it is such a refit, and no member that the study compares."""
        return self.replicate < 0


class EpochRecord(NamedTuple):
    """The metrics of one member in one epoch (from 0), by name."""

    member: MemberKey
    epoch: int
    logs: dict[str, float]


@dataclass(frozen=True)
class VariantRecord:
    """How a variant is built.

    Args:
        name: Its name.
        source: The source code of its build function.
        arguments: The arguments of the function; values that are not JSON are stored as `repr`.
        model: The configuration of its model, as text; "" where it is unknown.
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
    """The progress of a member.

    Args:
        key: The member.
        epochs: The number of stored epochs.
        finished: When it finished, in UTC; None while it has not.
        seconds: Training time.
        weights: The name of the file with its weights.
        sha256: The digest of that file, in hexadecimal.
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
        number: Its number in the store; later runs have higher numbers.
        started: When, in UTC.
        finished: When, in UTC; None if it was killed, or still runs.
        outcome: How it ended, in a word; "killed" if the next run found it unfinished.
        environment: Versions and hardware.
        host: The name of the machine.
        pid: The id of the process.
        asked_to_end: When somebody who watches it asked it to end, in UTC; None where nobody did.
    """

    number: int
    started: datetime
    finished: datetime | None
    outcome: str | None
    environment: dict[str, Any]
    host: str
    pid: int
    asked_to_end: datetime | None = None

    @property
    def places(self) -> dict[str, list[str]]:
        """The members that trained when it was last told, by the machine of a cluster."""
        return dict(self.environment.get(PLACES, {}))

    @property
    def left(self) -> tuple[float, str] | None:
        """The seconds that were left when it was last told, and of what; None where unknown."""
        told = self.environment.get(LEFT)
        return None if told is None else (float(told[0]), str(told[1]))


@dataclass(frozen=True)
class Event:
    """Something that happened to a study: when (UTC), its kind, in words, in which run."""

    at: datetime
    kind: str
    text: str
    run: int | None


@dataclass(frozen=True)
class FindingRecord:
    """A finding as it is stored; the fields are those of a finding."""

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
        about: What was read, as JSON.
        arrays: The results by name; None where they are damaged.
    """

    at: datetime
    about: Any
    arrays: dict[str, np.ndarray] | None


class EndedMember(NamedTuple):
    """A member that has finished, to be stored.

    Args:
        member: The member.
        weights: Arrays of any shape; they are returned in this order.
        seconds: Training time.
        beside: More arrays about it, by names that are no numbers.
        finished: When, in UTC; None for when it is stored.
    """

    member: MemberKey
    weights: Sequence[np.ndarray]
    seconds: float
    beside: Mapping[str, np.ndarray]
    finished: datetime | None = None


class Weights(list[np.ndarray]):
    """The weights of a member, in order.

    Args:
        arrays: By name; those of weights are their numbers in the order, from 0.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.beside = {name: array for name, array in arrays.items() if not name.isdigit()}
        """The arrays that were stored with them, by name."""
        super().__init__(arrays[str(index)] for index in range(len(arrays) - len(self.beside)))


@dataclass(frozen=True, eq=False)
class StoredCheckpoint:
    """A cohort after an epoch: arrays by name, and the rest of its state as JSON."""

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
        planned: The number of its members.
        finished: The number of members that finished.
        epochs: The number of stored epochs, over all members.
        outcome: How its last run ended; None if there is none, or if it still runs.
    """

    name: str
    created: datetime
    planned: int
    finished: int
    epochs: int
    outcome: str | None


def to_text(value: object, otherwise: Callable[[Any], object] | None = None) -> str:
    """A value as JSON, in which NaN and infinities are allowed; NumPy arrays become lists.

    Args:
        value: The value.
        otherwise: Converts values that are not JSON; None refuses them.

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


def logs_text(logs: Mapping[str, float]) -> str:
    """Metrics by name as JSON."""
    return to_text({metric: float(value) for metric, value in logs.items()})


def from_text(text: str) -> Any:
    """The inverse of `to_text`.

    Raises:
        StoreError: The text is damaged.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise damaged("a text that is no JSON") from error


def damaged(what: str) -> StoreError:
    """The error for rows that are not as they were written."""
    return StoreError(
        "the rows of the store as they were written",
        f"damaged ones: {what}",
        "restore the store from a copy, or have the study begin anew: fresh=True, or --fresh",
    )


def printable(text: str) -> str:
    """A text that every database accepts: without NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
