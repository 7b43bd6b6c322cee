"""Pictures of a classifier's probabilities on the test set: reliability, ROC, precision."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from kohort.findings.probabilities.areas import Areas, areas, at_thresholds
from kohort.findings.probabilities.calibration import BINS
from kohort.findings.statistics.interval import Interval
from kohort.findings.statistics.scale import significant
from kohort.report.charts import BLUE, GREY, VERMILION, on_the_page
from kohort.report.held_out import HeldOut
from kohort.report.tested.side_by_side import calibrated
from kohort.report.tested_scores import area, error_text

SQUARE = {"width": 230, "height": 230}
"""The sides of a picture, in pixels."""
_COLOURS = [BLUE, VERMILION]


def reliability_points(tests: Sequence[HeldOut]) -> pd.DataFrame:
    """How often answers are right by how sure the model is of them, in bins of equal width.

    Args:
        tests: Results on the test set.

    Returns:
        Columns variant, sure and right (means of the bin's samples) and samples, with a row for
        each bin that has samples.
    """
    rows = []
    for test in tests:
        sure = np.clip(np.asarray(test.sure, float), 0.0, 1.0)
        numbers = np.minimum((sure * BINS).astype(int), BINS - 1)
        for number in np.unique(numbers):
            inside = numbers == number
            told = (sure[inside].mean(), test.right[inside].mean(), int(inside.sum()))
            rows.append((test.variant, *told))
    return pd.DataFrame(rows, columns=["variant", "sure", "right", "samples"])


def rarer_class(tests: Sequence[HeldOut]) -> int:
    """The number of the class of fewer test samples, of two; 1 where both have as many."""
    return 0 if any(test.areas is not None and test.areas.share > 0.5 for test in tests) else 1


def areas_of_rarer(test: HeldOut) -> Areas | None:
    """How well the first of two classes is ranked, where the second is the more common one.

    None where it is not; what `HeldOut.areas` tells is then that of the rarer class.
    """
    if test.second is None or rarer_class([test]) == 1:
        return None
    return areas(*_ranked(test, 0), groups=test.groups)


def _ranked(test: HeldOut, of: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores `[sample]` that are higher for one of two classes, and bool `[sample]`, who is it."""
    assert test.second is not None
    # The sign turns the order and keeps ties; what is left of 1 would be rounded near 1.
    return test.second if of == 1 else -np.asarray(test.second), np.asarray(test.truth) == of


def threshold_points(tests: Sequence[HeldOut], of: int = 1) -> pd.DataFrame:
    """What each threshold on the probability of one of two classes would find.

    Args:
        tests: Results on the test set.
        of: The number of the class.

    Returns:
        Columns variant, false_alarms (the part of the other class that is given this one),
        recall and precision, from the highest threshold to the lowest; a row for each probability
        that occurs. Empty for more than two classes, or where a class has no sample.
    """
    tables = []
    for test in tests:
        if test.areas is None or test.second is None:
            continue
        found, alarms = at_thresholds(*_ranked(test, of))
        table = pd.DataFrame(
            {
                "false_alarms": alarms / alarms[-1],
                "recall": found / found[-1],
                "precision": found / (found + alarms),
            }
        )
        start = pd.DataFrame({"false_alarms": [0.0], "recall": [0.0], "precision": [np.nan]})
        tables.append(pd.concat([start, table]).assign(variant=test.variant))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def reliability_svg(points: pd.DataFrame) -> str:
    """How often it is right over how sure it is, as SVG text; the larger a dot, the more samples.

    Args:
        points: From `reliability_points`.
    """
    x, y = _x("sure", "how sure the model is"), _y("right", "how often it is right")
    size = alt.Size("samples:Q", legend=None, scale=alt.Scale(range=[15, 250]))
    dots = _base(points).mark_circle(opacity=1).encode(x=x, y=y, size=size)
    return on_the_page(alt.layer(_diagonal("sure", "right", x, y), dots).properties(**SQUARE))


def roc_svg(points: pd.DataFrame, names: Sequence[str]) -> str:
    """Recall over false alarms as SVG text; empty without points.

    Args:
        points: From `threshold_points`.
        names: Of the two classes.
    """
    if points.empty:
        return ""
    first, second = names
    x = _x("false_alarms", f"part of class {first} that is given {second}")
    y = _y("recall", f"recall of class {second}")
    line = _base(points).mark_line(interpolate="linear").encode(x=x, y=y, order="recall:Q")
    both = alt.layer(_diagonal("false_alarms", "recall", x, y), line)
    return on_the_page(both.properties(**SQUARE))


def precision_svg(points: pd.DataFrame, name: str) -> str:
    """Precision over recall as SVG text; empty without points.

    Args:
        points: From `threshold_points`.
        name: The class that they are of.
    """
    if points.empty:
        return ""
    x, y = _x("recall", f"recall of class {name}"), _y("precision", "its precision")
    line = _base(points.dropna()).mark_line(interpolate="step-before")
    return on_the_page(line.encode(x=x, y=y, order="recall:Q").properties(**SQUARE))


def calibration_text(test: HeldOut) -> str:
    """How far a model's probabilities are off: calibration error; of two classes Brier score."""
    told = f"The calibration error of {test.variant} is {calibrated(test.calibration)}."
    if test.brier is None:
        return told
    return (
        f"{told} Its Brier score is {error_text(test.brier.score)}, where one probability for all "
        f"samples has {significant(test.brier.constant, 3)} at best."
    )


def areas_text(tests: Sequence[HeldOut]) -> list[str]:
    """The areas under both curves as numbers, a sentence for each model; none without them.

    Where the second class is the more common one, the average precision of the first is told too.
    """
    return [
        f"{test.variant}: area under ROC {area(test.areas.roc)}, {_beside_chance(test.areas.roc)}; "
        f"average precision {test.areas.average_precision:.3f}, where chance has "
        f"{test.areas.share:.3f}, the part of the test samples that are {test.answers.names[1]}"
        f"{_of_rarer(test)}."
        for test in tests
        if test.areas is not None
    ]


def _of_rarer(test: HeldOut) -> str:
    """The average precision of the first of two classes as a clause, where it is the rarer one."""
    found = areas_of_rarer(test)
    if found is None:
        return ""
    return (
        f"; that of {test.answers.names[0]}, the rarer class, {found.average_precision:.3f}, where "
        f"chance has {found.share:.3f}"
    )


def _beside_chance(roc: Interval) -> str:
    if not roc.is_formed or roc.low <= 0.5 <= roc.high:
        return "not shown to differ from the 0.5 of chance"
    return "where chance has 0.5"


def _base(points: pd.DataFrame) -> alt.Chart:
    names = list(dict.fromkeys(points["variant"]))
    colours = alt.Scale(domain=names, range=_COLOURS[: len(names)])
    dashes = alt.Scale(domain=names, range=[[1, 0], [4, 3]][: len(names)])
    # Two long names side by side are wider than a phone.
    legend = alt.Legend(title=None, columns=1, labelLimit=200)
    return alt.Chart(points).encode(
        color=alt.Color("variant:N", scale=colours, legend=legend),
        strokeDash=alt.StrokeDash("variant:N", scale=dashes, legend=legend),
    )


def _x(field: str, title: str) -> alt.X:
    return alt.X(f"{field}:Q", title=title, scale=alt.Scale(domain=[0, 1]))


def _y(field: str, title: str) -> alt.Y:
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(domain=[0, 1]))


def _diagonal(across: str, up: str, x: alt.X, y: alt.Y) -> alt.Chart:
    ends = pd.DataFrame({across: [0.0, 1.0], up: [0.0, 1.0]})
    line: alt.Chart = alt.Chart(ends).mark_line(color=GREY, strokeDash=[2, 3])
    drawn: alt.Chart = line.encode(x=x, y=y)
    return drawn
