"""A race as a table, and as a picture of who left when."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kohort.errors import DesignError
from kohort.findings.conclusions import Conclusions
from kohort.findings.race import RaceState
from kohort.report.figures import on_the_page, short_names

LEADER = "leader"
LETTERS = 24
"""The length of a name in the picture."""
_NAN = float("nan")
# Colours of Okabe and Ito, distinguishable with any colour vision; each bar has its words as well.
_COLOURS = {
    LEADER: "#009e73",
    "open": "#999999",
    "equivalent": "#3b9ddd",
    "undecidable": "#cc79a7",
    "unlikely": "#cc79a7",
    "worse": "#e69f00",
    "diverged": "#d55e00",
}


def race_table(conclusions: Conclusions) -> pd.DataFrame:
    """A row for each variant, those that came farthest first; for the columns see `Result.race`.

    Raises:
        DesignError: The study is no race.
    """
    state = conclusions.race
    if state is None:
        raise DesignError(
            "a study whose replicates come in looks",
            conclusions.record.settings.replicates,
            "give it replicates=kohort.Race(...)",
        )
    rows = [_row(conclusions, state, number) for number in range(len(conclusions.record.variants))]
    order = np.lexsort((conclusions.mean_errors, [row["verdict"] != LEADER for row in rows]))
    ranked = sorted(order, key=lambda number: -rows[number]["replicates"])
    table = pd.DataFrame(rows).set_index("variant")
    return table.astype({"against": "object"}).iloc[ranked]


def race_rows(conclusions: Conclusions) -> list[dict[str, Any]]:
    """The rows of the table for a page."""
    return [
        {str(name): value for name, value in row.items()}
        for row in race_table(conclusions).reset_index().to_dict("records")
    ]


def _row(conclusions: Conclusions, state: RaceState, number: int) -> dict[str, Any]:
    names, lengths = conclusions.record.variant_names, conclusions.record.whole.lengths
    look = state.left.get(number, state.looks[-1])
    standing = look.standings.get(number)
    is_leader = standing is None
    return {
        "variant": names[number],
        "replicates": look.replicates,
        "look": state.looks.index(look) + 1,
        "verdict": LEADER if standing is None else standing.verdict,
        "against": None if is_leader or look.leader is None else names[look.leader],
        "p_worse": _NAN if standing is None else standing.p_worse,
        "p_equivalent": _NAN if standing is None else standing.p_equivalent,
        "member_epochs": int(lengths[number].sum()),
    }


def race_svg(table: pd.DataFrame, state: RaceState) -> str:
    """How many replicates each variant trained, and why no more, as SVG text.

    Args:
        table: From `race_table`.
        state: Of the race.
    """
    looks = zip(table["verdict"], table["look"], strict=True)
    told = [what if what == LEADER else f"{what}, look {look}" for what, look in looks]
    points = table.assign(
        told=told, shown=short_names([str(name) for name in table.index], LETTERS)
    )
    x = alt.X(
        "replicates:Q",
        title="replicates",
        # Behind the longest bar its words have room.
        scale=alt.Scale(domain=[0, 1.75 * state.sizes[-1]], nice=False),
        axis=alt.Axis(values=[0, *state.sizes], format="d"),
    )
    # Vega cuts labels that are too long slowly; these are cut already.
    y = alt.Y("shown:N", sort=None, title=None, axis=alt.Axis(labelLimit=0, grid=False))
    base = alt.Chart(points).encode(x=x, y=y)
    colours = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    bars = base.mark_bar(height=9).encode(color=alt.Color("verdict:N", scale=colours, legend=None))
    labels = base.mark_text(align="left", dx=5, color="currentColor").encode(text="told:N")
    return on_the_page(alt.layer(bars, labels).properties(width=280, height=alt.Step(18)))
