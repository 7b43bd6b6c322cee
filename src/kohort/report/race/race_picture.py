"""A race as a picture of who left when."""

import altair as alt
import pandas as pd

from kohort.findings.race import RaceState
from kohort.report.charts import GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, on_the_page
from kohort.report.figures import short_names
from kohort.report.race.race_table import LEADER

LETTERS = 24
"""The length of a name in the picture."""
# Each bar has its words as well.
_COLOURS = {
    LEADER: GREEN,
    "open": GREY,
    "equivalent": SKY,
    "undecidable": PURPLE,
    "unlikely": PURPLE,
    "worse": ORANGE,
    "diverged": VERMILION,
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
