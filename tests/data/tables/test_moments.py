"""Which columns hold moments, and in which order."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from kohort.data.tables.moments import places_in_time

DAYS = pd.date_range("2020-01-01", periods=6)
BACK = DAYS[::-1]
MOMENTS = {
    "pandas's": (BACK, [5, 4, 3, 2, 1, 0]),
    "pandas's, in a time zone": (BACK.tz_localize("Asia/Tokyo"), [5, 4, 3, 2, 1, 0]),
    "periods": (BACK.to_period("D"), [5, 4, 3, 2, 1, 0]),
    "dates of Python, as of Parquet": (BACK.date, [5, 4, 3, 2, 1, 0]),
    "text": (BACK.strftime("%Y-%m-%d"), [5, 4, 3, 2, 1, 0]),
    "text as categories": (pd.Categorical(BACK.strftime("%Y-%m-%d")), [5, 4, 3, 2, 1, 0]),
    "text with blanks around": ([" 2020-01-02", "2020-01-01 "], [1, 0]),
    "months": (["2020-02", "2019-12", "2020-01"], [2, 0, 1]),
    "times of different precision": (["2020-01-01 10:00:00.5", "2020-01-01T10:00"], [1, 0]),
    "offsets": (["2020-01-01T00:30+00:00", "2020-01-01T01:00+02:00"], [1, 0]),
    "one moment in two time zones": (["2020-01-01T00:00Z", "2020-01-01T02:00+0200"], [0, 0]),
    "offsets of Python": (
        [
            dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
            dt.datetime(2020, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        ],
        [1, 0],
    ),
    "ties": (["2020-01-02", "2020-01-01", "2020-01-02"], [1, 0, 1]),
    "missing ones": ([None, "2020-01-02", np.nan, "2020-01-01"], [-1, 1, -1, 0]),
    "missing ones of pandas": ([pd.NaT, *BACK[:2]], [-1, 1, 0]),
    "the day first": (["1.2.2020", "31.1.2020"], [1, 0]),
    "the month first": (["2/1/2020", "1/31/2020"], [1, 0]),
    "the day first, with times": (["31.1.2020 10:00", "31.1.2020 09:59"], [1, 0]),
    "whole numbers": ([20200201, 20200131, 20200130, 20200301, 20191231], [3, 2, 1, 4, 0]),
    "whole numbers with gaps": (
        [20200201, None, 20200131, 20200130, 20200301, 20191231],
        [3, -1, 2, 1, 4, 0],
    ),
}
NONE = {
    "either the day or the month first": ["1/2/2020", "3/4/2020"],
    "now the day, now the month first": ["1/31/2020", "31/1/2020"],
    "some with an offset, some without": ["2020-01-01T00:00", "2020-01-01T00:00Z"],
    "no such month": ["2020-13-01", "2020-01-01"],
    "two forms": ["2020-01-01", "1.1.2020"],
    "two digits of a year": ["20-01-01", "20-01-02"],
    "years": [2019, 2020, 2021, 2022, 2023],
    "seconds since 1970": [1_700_000_000 + n for n in range(6)],
    "whole numbers, one of them no day": [20200131, 20200132, 20200102, 20200103, 20200104],
    "few whole numbers": [20200131, 20200102],
    "truth": [True, False],
    "durations": pd.to_timedelta([1, 2], unit="D"),
    "other text": ["black", "tan"],
    "infinity": [np.inf, 1.0],
    "complex numbers": [1j, 2j],
    "mixed": ["2020-01-01", 7],
    "nothing": [None, None],
}


@pytest.mark.parametrize("case", MOMENTS)
def test_moments_are_put_in_order(case):
    cells, places = MOMENTS[case]
    found = places_in_time(pd.Series(cells))
    assert found.dtype == np.int64
    assert found.tolist() == places


def test_text_before_1677_where_nanoseconds_end_is_read_as_pandas_reads_it():
    found = places_in_time(pd.Series(["1066-10-14", "0999-01-01"]))
    reads_it = int(pd.__version__.partition(".")[0]) >= 3
    assert (None if found is None else found.tolist()) == ([1, 0] if reads_it else None)


@pytest.mark.parametrize("case", NONE)
def test_what_is_not_surely_a_moment_is_none(case):
    assert places_in_time(pd.Series(NONE[case])) is None
