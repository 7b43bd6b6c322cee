"""How far predictions of a number are off on the test set: pictures, and errors by quantile."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kohort.report.charts import GREY, SKY, on_the_page
from kohort.report.tested_scores import TestScore, error_text, r2_text

SHOWN = 1000
"""The most samples of a picture; of more, as many are drawn at random."""
QUANTILES = (0.5, 0.9, 0.99, 1.0)
SQUARE = {"width": 260, "height": 230}
# A ring stands out from the page, and its inside lets be seen how many lie on each other.
_DOT: dict[str, Any] = {
    "size": 14,
    "color": SKY,
    "fill": SKY,
    "fillOpacity": 0.3,
    "opacity": 1,
    "strokeWidth": 1,
}


def residuals_part(scores: Sequence[TestScore]) -> dict[str, Any]:
    """What the part about errors shows, by the names of its template.

    Args:
        scores: Of the winner, then of the baseline.
    """
    known = [score for score in scores if score.predictions is not None]
    of_one = [score for score in known if np.asarray(score.predictions).ndim == 1]
    points = residual_points(of_one[0]) if of_one else pd.DataFrame()
    return {
        "scored_errors": scored_errors(known),
        "errors_of": [score.variant for score in known],
        "error_rows": error_rows(of_one),
        "observed": "" if points.empty else observed_svg(points),
        "residuals": "" if points.empty else residual_svg(points),
        "dots": len(points),
        "predicted": 0 if not known else len(known[0].values),
    }


def scored_errors(scores: Sequence[TestScore]) -> list[dict[str, Any]]:
    """RMSE, MAE and R2 as text, a row for each and for each number.

    Args:
        scores: With predictions.

    Returns:
        By row `name`, and `texts` of each score.
    """
    rows = []
    for number, of_number in enumerate(zip(*(score.errors for score in scores), strict=True)):
        several = f" of number {number + 1}" * (len(scores[0].errors) > 1)
        rows += [
            {"name": f"RMSE{several}", "texts": [error_text(one.rmse) for one in of_number]},
            {"name": f"MAE{several}", "texts": [error_text(one.mae) for one in of_number]},
            {"name": f"R2{several}", "texts": [r2_text(one) for one in of_number]},
        ]
    return rows


def residual_points(score: TestScore) -> pd.DataFrame:
    """Columns observed, predicted and residual (observed - predicted), a row for each sample.

    Args:
        score: With predictions. What is not finite is left out.
    """
    assert score.targets is not None
    assert score.predictions is not None
    observed = np.asarray(score.targets, float)
    predicted = np.asarray(score.predictions, float)
    table = pd.DataFrame({"observed": observed, "predicted": predicted})
    table = table.assign(residual=table["observed"] - table["predicted"])
    table = table[np.isfinite(table).all(axis=1)]
    return table.sample(SHOWN, random_state=0) if len(table) > SHOWN else table


def error_rows(scores: Sequence[TestScore]) -> list[dict[str, Any]]:
    """How large errors are without their sign: a row for each quantile, then their mean with it.

    Args:
        scores: With predictions.

    Returns:
        By row `name`, and `errors` of each score.
    """
    if not scores:
        return []
    residuals = [
        np.asarray(score.targets, float) - np.asarray(score.predictions, float) for score in scores
    ]
    names = {0.5: "half of the samples are off by at most", 1.0: "the worst is off by"}
    rows = [
        {
            "name": names.get(part, f"{100 * part:g} % are off by at most"),
            "errors": [float(np.quantile(np.abs(of_one), part)) for of_one in residuals],
        }
        for part in QUANTILES
    ]
    means = [float(of_one.mean()) for of_one in residuals]
    return [*rows, {"name": "observed less predicted, on average", "errors": means}]


def observed_svg(points: pd.DataFrame) -> str:
    """Observed over predicted as SVG text, with the line on which they are equal.

    Args:
        points: From `residual_points`.
    """
    both = points[["observed", "predicted"]].to_numpy()
    ends = pd.DataFrame({name: [both.min(), both.max()] for name in ("observed", "predicted")})
    scale = alt.Scale(domain=ends["observed"].to_list(), nice=True)
    x = alt.X("predicted:Q", title="predicted", scale=scale)
    y = alt.Y("observed:Q", title="observed", scale=scale)
    return _with_line(points, ends, x, y)


def residual_svg(points: pd.DataFrame) -> str:
    """Residuals over predictions as SVG text, with the line at zero.

    Args:
        points: From `residual_points`.
    """
    predicted = points["predicted"]
    ends = pd.DataFrame({"predicted": [predicted.min(), predicted.max()], "residual": [0.0, 0.0]})
    x = alt.X("predicted:Q", title="predicted", scale=alt.Scale(zero=False))
    y = alt.Y("residual:Q", title="observed less predicted")
    return _with_line(points, ends, x, y)


def _with_line(points: pd.DataFrame, ends: pd.DataFrame, x: alt.X, y: alt.Y) -> str:
    dots = alt.Chart(points).mark_point(**_DOT).encode(x=x, y=y)
    line = alt.Chart(ends).mark_line(color=GREY, strokeDash=[2, 3]).encode(x=x, y=y)
    return on_the_page(alt.layer(dots, line).properties(**SQUARE))
