"""What is drawn of a search: the arguments of its trials. Without Optuna, which draws them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

type Arguments = dict[str, Any]
"""Arguments of a build function, by name."""

TRIAL = "trial "
"""What the names of trials begin with."""


@dataclass(frozen=True)
class Suggestion:
    """A trial as a sampler of Optuna's drew it, of plain values.

    Args:
        params: What was drawn, by Optuna's names.
        distributions: From what, as JSON of Optuna's, by the same names.
    """

    params: Mapping[str, Any]
    distributions: Mapping[str, str]


@dataclass(frozen=True)
class Draw:
    """The arguments of a trial.

    Args:
        number: The trial's, from 0.
        arguments: What was drawn.
        failure: Why it cannot be drawn, as a `build(hp)` that fails; "" where it can.
        asked: The trial as Optuna's sampler drew it; None if unknown.
    """

    number: int
    arguments: Arguments
    failure: str = ""
    asked: Suggestion | None = field(default=None, compare=False, repr=False)


def trial_name(number: int) -> str:
    """What a trial is called."""
    return f"{TRIAL}{number}"


def is_trial(name: str) -> bool:
    """Whether a variant is called as a trial is."""
    return name.startswith(TRIAL) and name.removeprefix(TRIAL).isdecimal()


def trial_number(name: str) -> int:
    """The number of the trial that is called so."""
    return int(name.removeprefix(TRIAL))
