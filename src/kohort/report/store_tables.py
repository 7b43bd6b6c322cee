"""Writes what a store has as rows, tables and lines of text."""

import io
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from kohort.errors import count
from kohort.evidence.settings import metric_name
from kohort.evidence.store import FindingRecord, MemberRecord, RunRecord
from kohort.evidence.store.records import StudySummary
from kohort.evidence.trials import asked_since, is_race_of, kept_name

if TYPE_CHECKING:
    from kohort.evidence.store import KeptStudy, Store
    from kohort.findings.finding import Finding

type Row = dict[str, Any]

_RUNNING = "running"
SHOWN_TRIALS = 10
"""The trials of a search that are told, the best ones, where not all are asked for."""
_SHOWN_VERDICTS = ("found", "inconclusive")


def studies(store: "Store") -> list[Row]:
    """A row for each study of a store."""
    summaries = store.studies()
    names = {summary.name for summary in summaries}
    return [
        {
            "study": summary.name,
            "created": _moment(summary.created),
            "finished": summary.finished,
            "members": summary.planned,
            "member epochs": summary.epochs,
            "last run": _last_run(store, summary, names),
        }
        for summary in summaries
    ]


def _last_run(store: "Store", summary: StudySummary, names: Set[str]) -> str:
    """How the last run of a study ended; and whether its search has grown since."""
    ended = summary.outcome or _unfinished(store.study(summary.name))
    if ended == _RUNNING and (places := store.study(summary.name).runs()[-1].places):
        ended = f"{_RUNNING} on {', '.join(places)}"
    search = kept_name(summary.name)
    grows = search in names and _asked_of_its_search(store, store.study(summary.name))
    return f"{ended}; its search was asked for more" if grows else ended


def study(stored: "KeptStudy") -> dict[str, list[Row]]:
    """What a store has of one study, in parts: variants, runs, places, events, findings."""
    runs = stored.runs()
    outcomes = _outcomes(stored, runs)
    return {
        "variants": _variants(stored),
        "runs": [
            {
                "started": _moment(run.started),
                "finished": _moment(run.finished),
                "outcome": outcome,
                "on": f"{run.host}, process {run.pid}",
            }
            for run, outcome in zip(runs, outcomes, strict=True)
        ],
        "places": [
            {"node": node, "members": len(members), "train there": "; ".join(members)}
            for run in runs[-1:]
            if outcomes[-1] == _RUNNING
            for node, members in run.places.items()
        ],
        "events": [
            {"at": _moment(event.at), "what": event.kind, "told": event.text}
            for event in stored.events()
        ],
        "findings": finding_rows(stored.findings()),
    }


def finding_rows(findings: "Iterable[FindingRecord | Finding]") -> list[Row]:
    """A row for each finding that is found or inconclusive."""
    return [
        {
            "code": finding.code,
            "variant": finding.variant,
            "verdict": finding.verdict,
            "told": finding.sentence,
            "advice": finding.advice,
        }
        for finding in findings
        if finding.verdict in _SHOWN_VERDICTS
    ]


def pending(store: "Store", stored: "KeptStudy") -> str:
    """What was asked of a study and is not there yet, in a sentence; empty where all is."""
    description = stored.description
    if description.get("kind") == "search":
        return asked_since(description)
    asked = _asked_of_its_search(store, stored)
    if asked is not None:
        return asked
    if "result" in description or not stored.findings():
        return ""
    return (
        "More was asked of it than it has trained: the findings are those of before. The same "
        "command or call goes on with it."
    )


def _asked_of_its_search(store: "Store", stored: "KeptStudy") -> str | None:
    """What was asked of the search since whose finalists race; None for a study that is no race."""
    search = store.find(kept_name(stored.name))
    if search is None or not is_race_of(about := search.description, stored):
        return None
    return asked_since(about, stored.description)


def _outcomes(stored: "KeptStudy", runs: Sequence[RunRecord]) -> list[str]:
    """How runs of a study ended: only the last can still go on, as one claims the study."""
    if not runs:
        return []
    *earlier, last = runs
    return [run.outcome or "killed" for run in earlier] + [last.outcome or _unfinished(stored)]


def _unfinished(stored: "KeptStudy") -> str:
    """What is known of the last run of a study where nothing tells how it ended."""
    known = {True: _RUNNING, False: "killed", None: "running, or killed"}
    return known[stored.is_claimed()]


def table(rows: Iterable[Row]) -> str:
    """Rows as a table of text, with the keys of the first row over the columns."""
    rows = list(rows)
    if not rows:
        return "none"
    drawn = Table(box=None, pad_edge=False, header_style="")
    for name, value in rows[0].items():
        drawn.add_column(
            name, justify="right" if isinstance(value, int | float) else "left", overflow="fold"
        )
    for row in rows:
        drawn.add_row(*(str(value) for value in row.values()))
    # As wide as it needs: users of a terminal can scroll, and programs need whole lines.
    console = Console(file=io.StringIO(), width=10_000, color_system=None)
    console.print(drawn, markup=False, highlight=False)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def opening(parts: dict[str, list[Row]]) -> Sequence[str]:
    """What was asked of a study and is not there yet, and its answer, in lines of text."""
    return [row["told"] for row in (*parts["pending"], *parts["answer"])]


_TOLD = {"race": "race", "axes": "what each axis does", "classes": "classes", "test": "test set"}
"""Parts that are sentences, and what stands over them."""


def lines(parts: dict[str, list[Row]], *, shows_all: bool = True) -> Sequence[str]:
    """What else is told of a study, in lines of text.

    Args:
        parts: Its parts.
        shows_all: Whether to tell inconclusive findings one by one, and not how many there are;
            and of a search all trials, and not the best alone.
    """
    text_lines = [table(parts["variants"])]
    if parts["search"]:
        text_lines = _trials(parts["search"][0], parts["trials"], shows_all=shows_all)
    text_lines += ["", "runs", table(parts["runs"])]
    if parts["places"]:
        text_lines += ["", "trains now", table(parts["places"])]
    if parts["events"]:
        text_lines += [
            "",
            "events",
            *(f"{row['at']} {row['what']}: {row['told']}" for row in parts["events"]),
        ]
    for part, title in _TOLD.items():
        if parts[part]:
            text_lines += ["", title, *(row["told"] for row in parts[part])]
    if parts["findings"]:
        text_lines += ["", "findings", *_findings(parts["findings"], shows_all=shows_all)]
    return text_lines


def _trials(search: Row, rows: Sequence[Row], *, shows_all: bool) -> list[str]:
    """What became of the trials of a search, and the best of them."""
    if "told" in search:
        return [search["told"]]
    shown = rows if shows_all else rows[:SHOWN_TRIALS]
    states = Counter("finalist" if row["finalist"] else row["state"] for row in rows)
    became = ", ".join(f"{number:,} {state}" for state, number in states.most_common())
    told = f"{count(len(rows), 'trial')}" + f": {became}" * bool(rows)
    if len(shown) < len(rows):
        told += f"; the best {len(shown)} are these, --all tells the rest"
    return [told, table([_trial(search, row) for row in shown])]


def _trial(search: Row, row: Row) -> Row:
    given = ", ".join(f"{name}={value}" for name, value in row["arguments"].items())
    return {
        "trial": row["trial"],
        metric_name(search["metric"]) or "score": _score(row["score"]),
        "rungs": f"{row['rungs']} of {len(search['rungs'])}",
        "epochs": row["epochs"],
        "state": "finalist" if row["finalist"] else row["state"],
        "arguments": f"{given}: {row['reason']}" if row["reason"] else given,
    }


def _score(score: float | None) -> str:
    return "none" if score is None else f"{score:.4g}"


def _findings(rows: Sequence[Row], *, shows_all: bool) -> list[str]:
    shown = [row for row in rows if shows_all or row["verdict"] == "found"]
    told = [
        f"{row['code']} {row['verdict']}: {row['told']} {row['advice']}".rstrip() for row in shown
    ]
    counts = Counter(row["code"] for row in rows if row not in shown)
    if counts:
        codes = ", ".join(f"{code} {number}" for code, number in sorted(counts.items()))
        told.append(f"{counts.total()} inconclusive, by code: {codes}; --all tells them")
    return told


def _variants(stored: "KeptStudy") -> list[Row]:
    by_variant: dict[str, list[MemberRecord]] = {}
    for member in stored.members():
        if not member.key.is_refit:
            by_variant.setdefault(member.key.variant, []).append(member)
    rows = []
    for variant in stored.variants():
        of_variant = by_variant.get(variant.name, [])
        rows.append(
            {
                "variant": variant.name,
                "finished": sum(member.finished is not None for member in of_variant),
                "members": len(of_variant),
                "member epochs": sum(member.epochs for member in of_variant),
                "seconds": round(sum(member.seconds or 0.0 for member in of_variant), 1),
            }
        )
    return rows


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
