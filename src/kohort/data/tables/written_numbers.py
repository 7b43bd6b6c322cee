"""Numbers as people write them: with decimal commas, signs between thousands, and units."""

import re

import pandas as pd

from kohort.errors import DataError

MOSTLY_NUMBERS = 0.9
"""Texts are numbers where so many different ones are, or become some without their signs."""
_DECIMAL_COMMA = r"-?\d+,\d+"
_DECIMAL_POINT = r"-?\d+\.\d+"
_COMMA_OR_THOUSANDS = r"-?[1-9]\d{0,2},\d{3}"
_POINTS_IN_THOUSANDS = r"-?[1-9]\d{0,2}(\.\d{3})+(,\d+)?"
_WITH_COMMAS = rf"-?\d+(,\d+)?|{_POINTS_IN_THOUSANDS}"
_SIGNS = re.compile("[$\u20ac\u00a3\u00a5%,'\u2019\u00a0\u202f]")
_MINUS = "\u2212"


def have_decimal_commas(some: pd.DataFrame, separator: str, where: str) -> bool:
    """Whether the numbers of a file have decimal commas, and none a point.

    Args:
        some: Rows of it, all cells text.
        separator: Of its columns, another than commas. Beside semicolons 1,234 has a decimal comma;
            beside tabs and bars it may be a thousand, and only others show decimal commas.
        where: What follows in an error, such as "in FILE".

    Raises:
        DataError: Some numbers have points between thousands, which would be read as decimal ones.
    """
    cells = pd.Series(some.to_numpy(object).ravel(), dtype=object).dropna().astype(str).str.strip()
    commas = cells[cells.str.fullmatch(_DECIMAL_COMMA)]
    if separator != ";" and commas.str.fullmatch(_COMMA_OR_THOUSANDS).all():
        commas = commas[:0]
    for name in some:
        column = some[name].dropna().astype(str).str.strip()
        parted = column[column.str.fullmatch(_POINTS_IN_THOUSANDS)]
        are_sure = len(commas) > 0 or parted.str.contains(",").any()
        if len(parted) and are_sure and column.str.fullmatch(_WITH_COMMAS).all():
            raise DataError(
                f"numbers without points between thousands {where}, beside decimal commas",
                f"{parted.iloc[0]!r} in column {name!r}",
                "write them without, or give kohort.load the frame that "
                "pandas.read_csv(sep=..., decimal=',', thousands='.') makes",
            )
    return len(commas) > 0 and not cells.str.fullmatch(_DECIMAL_POINT).any()


def number_as_text(different: pd.Series) -> str:
    """The first of texts that are numbers, with signs such as $, % or a comma if any; "" of others.

    Args:
        different: The texts, without blanks around them.
    """
    bare = different.map(lambda text: _SIGNS.sub("", text).replace(_MINUS, "-"))
    are_numbers, are_plain = (
        pd.to_numeric(texts, errors="coerce").notna() for texts in (bare, different)
    )
    if are_numbers.mean() < MOSTLY_NUMBERS:
        return ""
    signed = different[are_numbers & ~are_plain]
    return str(signed.iloc[0] if len(signed) else different[are_numbers].iloc[0])
