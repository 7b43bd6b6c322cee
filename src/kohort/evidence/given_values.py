"""Arguments of variants, which are kept as Python code, as values and texts for readers."""

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

NOT_GIVEN = "not given"
MOST_LETTERS = 40
"""The length of an argument's text."""
_NUMPY = re.compile(r"np\.\w+\((.*)\)")
_OBJECT = re.compile(
    r"<(?:class '|function |bound method |)([\w.<>]+?)(?: object)?(?: at 0x\w+|'|)>"
)
_CONFIGURED = re.compile(r"(?:\w+\.)+(\w+)(\(.*\))", re.DOTALL)
_NOT_FINITE = ("nan", "inf", "-inf")
_LARGEST = 2**53
"""Above it not each whole number is a float."""


def evaluated(code: str) -> Any:
    """The plain value that a piece of Python code evaluates to, as a tuple; else the code."""
    inner = _NUMPY.fullmatch(code)
    try:
        return ast.literal_eval(inner[1] if inner else code)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return code


def plain(code: str) -> bool | float | str:
    """The number or text that a piece of Python code evaluates to; for other code the code."""
    value = evaluated(code)
    return value if isinstance(value, bool | int | float | str) else code


def number(code: str) -> float:
    """The number that a piece of Python code is; NaN if it is none, as True and False are not."""
    value = plain(code)
    if isinstance(value, bool | str) or abs(value) > _LARGEST:
        return float("nan")
    return float(value)


def short(code: str) -> str:
    """A short text of an argument: `relu` of a function, `Adam` of a class or of an object.

    Of an object of few settings also those: `L2(l2=0.001)`.
    """
    text = str(plain(code))
    if found := _OBJECT.fullmatch(text):
        text = found[1].rpartition(".")[2]
    elif found := _CONFIGURED.fullmatch(text):
        text = found[1] + found[2] * (len(found[1] + found[2]) <= MOST_LETTERS)
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 3]}..."


def shorts(codes: Sequence[str]) -> list[str]:
    """Short texts of different arguments; those that would look alike get numbers."""
    texts = [short(code) for code in codes]
    return [
        f"{text} {1 + texts[:place].count(text)}" if texts.count(text) > 1 else text
        for place, text in enumerate(texts)
    ]


def columns(
    arguments: Sequence[Mapping[str, str]], taken: Collection[str] = ()
) -> "dict[str, pd.Series]":
    """Arguments as columns of a table, in the order in which they are given.

    Numbers, and True and False, are such where all of an argument's values are; else the values are
    short texts. Missing where an argument is not given.

    Args:
        arguments: By name, of each row.
        taken: Names of other columns; an argument of such a name is called "NAME (argument)".
    """
    names = dict.fromkeys(name for of_row in arguments for name in of_row)
    return {
        f"{name} (argument)" if name in taken else name: _column(
            [of_row.get(name) for of_row in arguments]
        )
        for name in names
    }


def _column(codes: Sequence[str | None]) -> "pd.Series":
    import pandas as pd

    given = list(dict.fromkeys(code for code in codes if code is not None))
    values: dict[str | None, Any] = {code: _plain_or_endless(code) for code in given}
    if all(isinstance(value, bool) for value in values.values()):
        return pd.Series([values.get(code) for code in codes], dtype="boolean")
    if all(isinstance(values[code], float) or not np.isnan(number(code)) for code in given):
        whole = all(isinstance(value, int) for value in values.values())
        return pd.Series([values.get(code) for code in codes], dtype="Int64" if whole else float)
    texts: dict[str | None, str] = dict(zip(given, shorts(given), strict=True))
    return pd.Series([texts.get(code) for code in codes], dtype=object)


def _plain_or_endless(code: str) -> bool | float | str:
    """As `plain`, but NaN and infinities are numbers, as a column of numbers has them."""
    inner = _NUMPY.fullmatch(code)
    text = inner[1] if inner else code
    return float(text) if text in _NOT_FINITE else plain(code)
