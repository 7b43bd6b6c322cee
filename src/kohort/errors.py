"""What kohort raises when something that it was given is wrong.

    KohortError
    └── InputError (also a ValueError)   the input is wrong; the command line ends with code 2
        ├── DataError                    data cannot be read, or are not what was expected
        ├── DesignError                  variants, replicates or study settings do not fit together
        └── ModelError                   a model cannot be trained in the way that was asked for

Each message says what was expected, what came, and how to mend it.
"""

_LONGEST_REASON = 300


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


def reason(error: BaseException) -> str:
    """What another library's error says, in one line that is not too long to read."""
    told = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    told = told or type(error).__name__
    return told if len(told) <= _LONGEST_REASON else f"{told[:_LONGEST_REASON]}..."


def legible(text: str) -> str:
    """The text with what cannot be shown, or is no text in UTF-8, as an escape."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
