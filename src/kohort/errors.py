"""What kohort raises when something that it was given is wrong.

    KohortError
    └── InputError (also a ValueError)   the input is wrong; the command line ends with code 2
        ├── DataError                    data cannot be read, or are not what was expected
        ├── DesignError                  variants, replicates or study settings do not fit together
        ├── ModelError                   a model cannot be trained in the way that was asked for
        └── StoreError                   a store cannot be opened, read or written

    Interrupted (a KeyboardInterrupt)    a run was asked to end, and has kept what it had done

Each message says what was expected, what came, and how to mend it.
"""

import re

_LONGEST_REASON = 300
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class KohortError(Exception):
    """Base of every error that kohort raises on purpose."""


class InputError(KohortError, ValueError):
    """Something that the user gave is wrong.

    Args:
        expected: What kohort expected, as a noun phrase.
        received: What came instead.
        mend: How to mend it, as an imperative clause.
    """

    def __init__(self, expected: str, received: str, mend: str) -> None:
        super().__init__(f"expected {expected}, got {received}; {mend}")
        self.expected = expected
        self.received = received
        self.mend = mend

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        return type(self), (self.expected, self.received, self.mend)


class DataError(InputError):
    """Data cannot be read, or are not what was expected."""


class DesignError(InputError):
    """Variants, replicates or study settings do not fit together."""


class ModelError(InputError):
    """A model cannot be trained in the way that was asked for."""


class StoreError(InputError):
    """A store cannot be opened, read or written, or does not hold what was asked for."""


class Interrupted(KeyboardInterrupt):
    """A run was asked to end, and has kept what it had done: the same run again goes on."""


def check_choice(argument: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse an argument that is none of its choices.

    Raises:
        DesignError: It is none.
    """
    if value not in choices:
        raise DesignError(f"{argument} in {choices}", repr(value), "use one of them")


def reason(error: BaseException) -> str:
    """What another library's error says, in one line that is not too long to read."""
    try:
        lines = str(error).splitlines()
    except Exception:  # an error that cannot even tell what it is
        lines = []
    told = [_COLOUR.sub("", line).strip() for line in lines if line.strip()]
    # Keras tells first where it happened, and what in the next line.
    if len(told) > 1 and told[0].startswith("Exception encountered when calling"):
        told = told[1:]
    first = told[0] if told else type(error).__name__
    return first if len(first) <= _LONGEST_REASON else f"{first[:_LONGEST_REASON]}..."


def legible(text: str) -> str:
    """The text with what cannot be shown, or is no text in UTF-8, as an escape."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
