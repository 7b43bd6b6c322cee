"""The part of a report that is about a search: tables and pictures of its trials."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from kohort.design.searches.draws import trial_number
from kohort.design.variants import written
from kohort.evidence.given_values import short
from kohort.evidence.settings import metric_name
from kohort.evidence.trials import SearchRecord, Trial, argument_column
from kohort.findings.conclusions import Conclusions
from kohort.findings.statistics.scale import Scale
from kohort.report.charts import BLUE, GREY, on_the_page
from kohort.report.searches.optuna_study import importance
from kohort.report.searches.parallel import (
    choices,
    coordinates,
    is_axis_of_numbers,
    is_logarithmic,
    missing,
    parallel_svg,
    parallel_text,
)
from kohort.report.searches.search_words import (
    Flattery,
    flatteries,
    untold,
    what_it_did,
    winner_text,
)

SHOWN_TRIALS = 20
"""The rows of the table of trials, the best ones."""
SHOWN_LINES = 500
"""The trials that are drawn as lines, the best ones: of more no line can be followed."""
SHOWN_AXES = 6
"""The arguments that are drawn, the most important ones."""
_COLOURS = alt.Scale(domain=["finished", "left"], range=[BLUE, GREY])


@dataclass(frozen=True, eq=False)
class SearchView:
    """What a report shows of a search.

    Args:
        winner: What the winner is.
        sentences: What the search did.
        flatteries: What each finalist scored in the search, and in its proof.
        reduction: Of the trials that reached a rung, one of so many went on.
        rungs: For each rung, the `epochs` and how many trials `reached` it and `went` on.
        importances: A row for each argument: its name, importance, low and high.
        unweighed: Arguments that differ and have no importance: not all trials have them, or not
            all drew them from the same values.
        parallel: The trials as lines through these arguments and the score, as SVG text; empty
            where no argument varies.
        paths: What that shows, in words.
        undrawn: How many trials with a score are not drawn there.
        slices: For each argument drawn, its name and the picture.
        trials: Rows of the best trials.
        arguments: The names of their arguments.
        untold: How many further trials have a score.
    """

    winner: str
    sentences: list[str]
    flatteries: list[Flattery]
    reduction: int
    rungs: list[dict[str, int]]
    importances: list[dict[Hashable, Any]]
    unweighed: list[str]
    parallel: str
    paths: str
    undrawn: int
    slices: list[dict[str, str]]
    trials: list[dict[str, Any]]
    arguments: list[str]
    untold: int


def search_view(record: SearchRecord, conclusions: Conclusions) -> SearchView:
    """What a report shows of a search, whose finalists raced to these conclusions."""
    scale = conclusions.study.scale
    importances = importance(record, conclusions.study.confidence)
    ranked = [trial.number for trial in record.ranked()]
    named = list(dict.fromkeys(name for trial in record.trials for name in trial.arguments))
    arguments = [argument_column(name) for name in named]
    first = [argument_column(name) for name in importances.index]
    drawn = [*first, *(name for name in arguments if name not in first)]
    scored = record.frame().loc[ranked]
    varied = [name for name in drawn if name in scored and scored[name].map(repr).nunique() > 1][
        :SHOWN_AXES
    ]
    metric = metric_name(record.metric)
    return SearchView(
        winner_text(record, conclusions),
        what_it_did(record, conclusions),
        flatteries(record, conclusions),
        record.reduction,
        _rungs(record),
        importances.reset_index().to_dict("records"),
        untold(record),
        _parallel(scored[:SHOWN_LINES], varied, scale, metric, conclusions.winner_name),
        parallel_text(scored, varied, scale, metric),
        max(0, len(scored) - SHOWN_LINES),
        [{"name": name, "svg": _slice(scored, name, record, scale)} for name in varied],
        [_row(trial, arguments) for trial in record.ranked()[:SHOWN_TRIALS]],
        arguments,
        max(0, len(ranked) - SHOWN_TRIALS),
    )


def _row(trial: Trial, arguments: list[str]) -> dict[str, Any]:
    """A row of the table of trials, which tells an argument of whatever kind as it was given."""
    given = {argument_column(n): short(written(value)) for n, value in trial.arguments.items()}
    return {
        **dict.fromkeys(arguments, ""),
        **given,
        "trial": trial.number,
        "score": trial.score,
        "epochs": trial.epochs,
        "state": trial.state,
    }


def _rungs(record: SearchRecord) -> list[dict[str, int]]:
    reached = [sum(rung in trial.scores for trial in record.trials) for rung in record.rungs]
    begun = [
        sum(bool(trial.scores) and min(trial.scores) == rung for trial in record.trials)
        for rung in record.rungs
    ]
    went_on = [after - new for after, new in zip(reached[1:], begun[1:], strict=True)]
    return [
        {"epochs": epochs, "begun": new, "reached": count, "went": went}
        for epochs, new, count, went in zip(
            record.rungs, begun, reached, [*went_on, reached[-1]], strict=True
        )
    ]


def _parallel(
    trials: pd.DataFrame, names: list[str], scale: Scale, metric: str, winner: str | None
) -> str:
    if not names:
        return ""
    number = None if winner is None else trial_number(winner)
    return parallel_svg(coordinates(trials, names, scale, number), f"validation {metric}")


def _slice(trials: pd.DataFrame, name: str, record: SearchRecord, scale: Scale) -> str:
    """The last scores of trials over an argument."""
    values = trials[name][~missing(trials[name])]
    numbers = is_axis_of_numbers(values)
    points = pd.DataFrame(
        {
            "value": values if numbers else pd.Series(map(repr, values.tolist()), values.index),
            "score": trials["score"],
            "epochs": trials["epochs"],
            "state": trials["state"],
        }
    ).dropna()
    if numbers and is_logarithmic(points["value"]):
        axis = alt.X("value:Q", title=name, scale=alt.Scale(type="log"))
    elif numbers:
        axis = alt.X("value:Q", title=name, scale=alt.Scale(zero=False))
    else:
        order = list(map(repr, choices(values)))
        axis = alt.X("value:N", title=name, sort=order, axis=alt.Axis(labelAngle=0))
    chart = (
        alt.Chart(points)
        .mark_point(filled=True, opacity=1)
        .encode(
            x=axis,
            y=alt.Y(
                "score:Q",
                title=f"validation {metric_name(record.metric)}",
                scale=alt.Scale(zero=False),
                axis=alt.Axis(format=".0%") if scale.is_proportion else alt.Axis(),
            ),
            size=alt.Size("epochs:Q", legend=None, scale=alt.Scale(range=[15, 90])),
            color=alt.Color("state:N", scale=_COLOURS, legend=None),
        )
        .properties(width=230, height=150)
    )
    return on_the_page(chart)
