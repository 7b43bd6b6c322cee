"""Rows as a table in Markdown, and as a plot."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from benchmarks.summary import Ratio, Row

HEAD = (
    "work",
    "peer",
    "s per model and epoch",
    "to kohort",
    "to kohort-bfloat16",
    "accuracy",
    "of the limit",
    "imports s",
    "warm-up s",
    "total s",
    "total to kohort",
    "cold s",
    "cold to kohort",
    "compiling s",
)


def table(rows: Sequence[Row]) -> str:
    """A line for each row; a peer that did not run is named with the reason."""
    lines = [f"| {' | '.join(HEAD)} |", f"| --- | --- |{' ---: |' * (len(HEAD) - 2)}"]
    for row in rows:
        cells = [row.work, row.peer, *([row.failed] if row.failed else _cells(row))]
        cells += [""] * (len(HEAD) - len(cells))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    cold = row.colds.get("kohort")
    return [
        _number(row.epoch, 4),
        _ratio(row.ratios.get("kohort")),
        _ratio(row.ratios.get("kohort-bfloat16")),
        "" if row.accuracy is None else f"{100 * row.accuracy:.2f} %",
        "" if row.fraction is None else f"{100 * row.fraction:.0f} %",
        _number(row.imports, 1),
        _number(row.warm_up, 1),
        _number(row.total, 1),
        _ratio(row.totals.get("kohort")),
        _number(row.cold, 1),
        _number(None if cold is None else cold.median, 2),
        _number(row.compiling, 1),
    ]


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _ratio(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def profile_table(profiled: Sequence[dict[str, Any]]) -> str:
    """Where kohort's epochs go, as shares; empty where nothing was profiled."""
    good = [one for one in profiled if "failed" not in one]
    if not good:
        return ""
    kinds = list(good[0]["seconds"])
    lines = [
        "\n## Where kohort's epochs go\n\nOn one core, in percent.\n",
        f"| work | precision | {' | '.join(kinds)} |",
        f"| --- | --- |{' ---: |' * len(kinds)}",
    ]
    for one in good:
        shares = " | ".join(f"{100 * one['seconds'][kind] / one['epoch']:.0f}" for kind in kinds)
        lines.append(f"| {one['work']} | {one['precision']} | {shares} |")
    return "\n".join(lines) + "\n"


def markdown(
    name: str, about: dict[str, Any], rows: Sequence[Row], profiled: Sequence[dict[str, Any]] = ()
) -> str:
    """The page of a measurement: on what, with what, and the table."""
    settings, ceilings = about["settings"], about["ceilings"]
    limits = ", ".join(
        f"{precision} products {operations / 1e9:,.0f} GFLOP/s"
        for precision, operations in ceilings["operations"].items()
    )
    copies = ceilings["copies"]
    return f"""<!-- Written by benchmarks/run.py. docs/benchmarks.md says how to read it. -->

# {name}

{about["date"]}; commit {about["commit"] or "not told"};
{about["cores"]} cores of {about["processor"]}; {about["system"]};
load average {about["load"]:.1f} when it ended.
{settings["samples"]:,} samples, {settings["epochs"]} epochs,
medians of {settings["rounds"]} rounds (lowest to highest).
Ceilings: {limits}, copies {copies[min(copies)] / 1e9:.0f} GB/s of {_size(min(copies))}
to {copies[max(copies)] / 1e9:.0f} GB/s of {_size(max(copies))}.

{_versions(rows)}

![Seconds per model and epoch]({name}.svg)

{table(rows)}
{profile_table(profiled)}"""


def _size(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _versions(rows: Sequence[Row]) -> str:
    """A line for each environment, as its peers tell: they need not be of one Python."""
    peers: dict[str, dict[str, None]] = {}
    for row in rows:
        versions = ", ".join(f"{key} {value}" for key, value in sorted(row.versions.items()))
        if versions:
            peers.setdefault(versions, {})[row.peer] = None
    return "\n".join(f"- {', '.join(names)}: {versions}" for versions, names in peers.items())


def svg(rows: Sequence[Row]) -> str:
    """Seconds per model and epoch of every peer, a panel for each work item, as SVG text."""
    shown = pd.DataFrame(
        [(row.work, row.peer, row.epoch) for row in rows if row.epoch is not None],
        columns=["work", "peer", "seconds"],
    )
    shown["side"] = ["kohort" if peer.startswith("kohort") else "peer" for peer in shown["peer"]]
    works = list(dict.fromkeys(shown["work"]))
    colours = alt.Scale(domain=["kohort", "peer"], range=["#e69f00", "#3b9ddd"])
    chart = (
        alt.Chart(shown)
        .mark_bar()
        .encode(
            x=alt.X("seconds:Q", title="seconds per model and epoch"),
            y=alt.Y("peer:N", title=None, sort=None),
            color=alt.Color("side:N", scale=colours, legend=None),
        )
        .properties(width=280, height={"step": 14})
        .facet(
            facet=alt.Facet("work:N", title=None, sort=works),
            columns=2,
        )
        .resolve_scale(x="independent", y="independent")
        .properties(background="white")
    )
    text: str = vl_convert.vegalite_to_svg(chart.to_json())
    return text
