"""The report: one HTML file that opens offline and asks nothing of any other place."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from PIL import Image

from kohort.data.dataset import Dataset
from kohort.evidence.files import written_whole
from kohort.evidence.readings import Reading
from kohort.evidence.settings import metric_name
from kohort.findings.comparison import Comparison
from kohort.findings.finding import Finding
from kohort.findings.next_steps import NextStep
from kohort.findings.proportion import PairedProportions
from kohort.findings.scale import Scale
from kohort.report import words
from kohort.report.figures import learning_svg, panel_svg
from kohort.report.held_out import HeldOut

SHOWN_MISTAKES = 30


@dataclass(frozen=True, eq=False)
class Page:
    """What a report shows.

    Args:
        title: The study's name.
        answer: Its answer in words.
        additions: What each addition to a variant does, in words.
        metric: The metric that scores, as it is logged.
        scale: How its values are told.
        margin: The smallest difference of practical interest.
        table: `Result.table()`.
        bands: `figures.curve_bands` of loss and metric.
        findings: Of all variants.
        comparisons: `Result.comparisons()`.
        flattery: How far the winner's score flatters it, in words.
        winner: Name of the winner; None where no variant trained to the end.
        tests: The test set, as read for the winner, then the baseline; none without a winner.
        paired: The winner against the baseline on it; None where there are not both.
        readings: All readings of the test set.
        next_steps: What would help the winner next.
        sizes: `figures.learning_points`; no rows where the study had no sizes.
        data: The data.
        facts: How it was run, as pairs of a name and a text.
        confidence: Of all intervals.
        kind: What the intervals are over: "splits", "seeds" or "folds".
        train_share: The part of the training data that a replicate trains on, in words.
        command: The command that runs it again; empty where there is none.
    """

    title: str
    answer: str
    additions: Sequence[str]
    metric: str
    scale: Scale
    margin: float
    table: pd.DataFrame
    bands: pd.DataFrame
    findings: Sequence[Finding]
    comparisons: Mapping[str, Sequence[Comparison]]
    flattery: str
    winner: str | None
    tests: Sequence[HeldOut]
    paired: PairedProportions | None
    readings: Sequence[Reading]
    next_steps: Sequence[NextStep]
    sizes: pd.DataFrame
    data: Dataset
    facts: Sequence[tuple[str, str]]
    confidence: float
    kind: str
    train_share: str
    command: str


def write_page(path: Path, page: Page) -> Path:
    """Write a report, whole or not at all."""
    html = render(page)
    with written_whole(path) as new:
        new.write_text(html, encoding="utf-8")
    return path


def render(page: Page) -> str:
    """The report as HTML text; every name in it is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kohort.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["difference"] = lambda c, is_score: words.difference(
        c, page.scale if is_score else None
    )
    environment.filters["percent"] = words.percent
    environment.filters["named"] = metric_name
    environment.filters["amount"] = page.scale.amount
    environment.filters["gap"] = lambda number: words.gap(number, page.scale)
    environment.filters["value"] = lambda number: words.value(number, page.scale)
    environment.filters["verdict"] = lambda c: words.verdict_of(c, page.kind)
    environment.filters["errors"] = words.errors_fewer
    environment.filters["p_value"] = words.p_value
    return environment.get_template("report.html.j2").render(
        page=page,
        overview=words.overview(page.findings),
        counts_errors=words.counts_errors(page.scale),
        rows=page.table.reset_index().to_dict("records"),
        panels=_panels(page),
        learning=learning_svg(page.sizes, f"validation {page.scale.metric}"),
        paired=_paired(page),
        read=words.readings(page.readings),
        told=_told_findings(page.findings),
        confusion=_confusion(page),
        mistakes=_mistakes(page),
    )


def _paired(page: Page) -> str:
    """The winner against the baseline on the test set, in words; empty without the two."""
    if page.paired is None:
        return ""
    return words.paired(page.paired, page.tests[0].variant, page.tests[-1].variant)


def _told_findings(findings: Sequence[Finding]) -> list[Finding]:
    """Found ones first, then undecided ones; what was not found follows."""
    order = ("found", "inconclusive", "not found", "not applicable")
    return sorted(findings, key=lambda finding: order.index(finding.verdict))


def _panels(page: Page) -> list[dict[str, Any]]:
    """For each variant, in the table's order, a picture of each metric."""
    metrics = list(dict.fromkeys(page.bands["metric"]))
    panels = []
    for variant in page.table.index:
        own = page.bands[page.bands["variant"] == variant].assign(variant=str(variant))
        pictures = [
            {
                "metric": metric,
                "svg": panel_svg(
                    own[own["metric"] == metric], metric_name(metric), _domain(page, metric)
                ),
            }
            for metric in metrics
            if len(own[own["metric"] == metric])
        ]
        panels.append({"variant": variant, "pictures": pictures})
    return panels


def _domain(page: Page, metric: str) -> tuple[float, float] | None:
    """Proportions share an axis, so that variants compare by eye; losses may be worlds apart."""
    if metric != page.metric or not page.scale.is_proportion:
        return None
    own = page.bands[page.bands["metric"] == metric]
    return float(np.floor(20 * own["low"].min()) / 20), float(np.ceil(20 * own["high"].max()) / 20)


def _confusion(page: Page) -> list[dict[str, Any]]:
    """Rows of the winner's confusion matrix: counts, and how dark to draw them."""
    if not page.tests:
        return []
    counts, names = page.tests[0].confusion, page.data.class_names or ()
    off_diagonal = counts * (1 - np.eye(len(counts), dtype=int))
    most = max(1, int(off_diagonal.max()))
    return [
        {
            "name": names[truth],
            "cells": [
                {
                    "count": int(count),
                    "right": truth == guess,
                    "shade": 0.0 if truth == guess else round(float(count) / most, 2),
                    "label": f"{names[truth]} taken for {names[guess]}: {count}",
                }
                for guess, count in enumerate(counts[truth])
            ],
        }
        for truth in range(len(counts))
    ]


def _mistakes(page: Page) -> list[dict[str, str]]:
    """The winner's surest mistakes as pictures, where samples are pictures."""
    shape = page.data.input_shape
    if not page.tests or len(shape) != 2 or not page.data.stores_pixels:
        return []
    names = page.data.class_names or ()
    return [
        {
            "image": _png(page.data.x_test[mistake.sample]),
            "truth": names[mistake.truth],
            "predicted": names[mistake.predicted],
            "probability": f"{100 * mistake.probability:.0f} %",
        }
        for mistake in page.tests[0].mistakes[:SHOWN_MISTAKES]
    ]


def _png(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
