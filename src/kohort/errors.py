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

import math
import re
import reprlib
from collections.abc import Sequence

_LONG = 1e6
"""Nobody counts the digits of a larger number."""
_LONGEST_REASON = 300
_LONGEST_WORD, _ENDS = 200, 90
"""A longer word, such as a path, is told by so many characters of each of its ends."""
_LONG_WORD = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")
_PARENTHESES = re.compile(r"\([^()]*\)")
_COMMA = re.compile(r",(?!\d{3}\b)")
"""Not one between the thousands of a number."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class KohortError(Exception):
    """Base of every error that kohort raises on purpose.

    Example:
        >>> try:
        ...     kohort.Holdout(fraction=2)
        ... except kohort.KohortError as error:
        ...     print(error)
        expected a fraction between 0 and 1, got 2; hold out 0.1, say
    """


class InputError(KohortError, ValueError):
    """Something that the user gave is wrong.

    The message shortens words of more than 200 characters, such as paths, in their middle.

    Args:
        expected: What kohort expected, as a noun phrase.
        received: What came instead.
        mend: How to mend it, as an imperative clause.

    Example:
        >>> try:
        ...     kohort.Holdout(fraction=2)
        ... except kohort.InputError as error:
        ...     print(error.expected, error.received, error.mend, sep=" | ")
        a fraction between 0 and 1 | 2 | hold out 0.1, say
    """

    def __init__(self, expected: str, received: str, mend: str) -> None:
        told = f"expected {expected}, got {received}; {mend}"
        super().__init__(legible(_LONG_WORD.sub(_shortened, told)))
        self.expected = expected
        self.received = received
        self.mend = mend

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        return type(self), (self.expected, self.received, self.mend)


class DataError(InputError):
    """Data cannot be read, or are not what was expected.

    Example:
        >>> kohort.Dataset([[0.0], [1.0]], [0], [[1.0]], [0])  # two inputs and one target
        Traceback (most recent call last):
        kohort.errors.DataError: expected x_train and y_train of equal length, ...
    """


class DesignError(InputError):
    """Variants, replicates or study settings do not fit together.

    Example:
        >>> kohort.grid(build, units=16)
        Traceback (most recent call last):
        kohort.errors.DesignError: expected an axis at least, each a list of values, got ...
    """


class ModelError(InputError):
    """A model cannot be trained in the way that was asked for.

    Example:
        >>> kohort.fit(keras.Sequential([keras.layers.Dense(5)]), data.x_train, data.y_train)
        Traceback (most recent call last):
        kohort.errors.ModelError: expected a compiled model, got ...
    """


class StoreError(InputError):
    """A store cannot be opened, read or written, or does not hold what was asked for.

    Example:
        >>> kohort.open("no such file.db", "width")
        Traceback (most recent call last):
        kohort.errors.StoreError: expected a store, got no file no such file.db; ...
    """


class Interrupted(KeyboardInterrupt):
    """A run was asked to end, and has kept what it had done: the same run again goes on.

    It is a `KeyboardInterrupt`, as Ctrl+C raises it, and no `KohortError`: nothing was wrong.

    Example:
        >>> try:
        ...     result = study.run("kohort.db", verbose=0)
        ... except kohort.Interrupted:
        ...     print("ended early; run it again to go on")
        >>> print(kohort.Interrupted())
        ended early as it was asked to; what was done is kept, and the same run again goes on
    """

    def __init__(self) -> None:
        super().__init__(
            "ended early as it was asked to; what was done is kept, and the same run again goes on"
        )

    def __reduce__(self) -> tuple[type["Interrupted"], tuple[()]]:
        return type(self), ()


def check_choice(argument: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of an argument's choices.

    Raises:
        DesignError: It is none of them.
    """
    if value not in choices:
        raise DesignError(f"{argument} in {choices}", repr(value), "use one of them")


def reason(error: BaseException) -> str:
    """What another library's error says, in one line of at most some 300 characters."""
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


def _shortened(word: re.Match[str]) -> str:
    return f"{word[0][:_ENDS]}...{word[0][-_ENDS:]}"


def legible(text: str) -> str:
    """The text with what cannot be shown, or is no text in UTF-8, as an escape."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def told_apart(names: Sequence[str]) -> list[str]:
    """Names for a list in a sentence: in quotes where a comma in one would look like its end."""
    has_comma = any(_COMMA.search(_PARENTHESES.sub("", name)) for name in names)
    return [f'"{name}"' for name in names] if has_comma and len(names) > 1 else list(names)


def count(number: int, what: str) -> str:
    """A number with its noun: `1 member`, `5 members`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def received_text(value: object) -> str:
    """What was given in the place of a number: a large one with commas, or as a power of ten."""
    if isinstance(value, float) and math.isfinite(value) and abs(value) >= _LONG:
        return f"{value:.6g}"
    if isinstance(value, int) and _LONG <= abs(value) < _LONG**3:
        return f"{value:,}"
    return reprlib.repr(value)


def row_text(row: int) -> str:
    """A row of a table or an array in an error; all of kohort counts rows from 0, as NumPy does."""
    return f"row {row:,} (from 0)"


def shortened(
    names: Sequence[str], most: int = 3, *, between: str = ", ", rest: str = "others"
) -> str:
    """The first names, and how many others: `a, b, c and 7 others`.

    Args:
        names: The names.
        most: How many are named; one more where that is the last, as it takes no more room.
        between: What stands between two.
        rest: What the others are called.
    """
    left = len(names) - most
    if left <= 1:
        return between.join(names)
    return f"{between.join(names[:most])} and {left:,} {rest}"


def in_brackets(names: Sequence[str], most: int = 20) -> str:
    """Names behind what they are of, ` (a, b)`: of many the first, and how many more."""
    return f" ({shortened(names, most, rest='more')})" if names else ""
