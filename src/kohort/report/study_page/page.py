"""Writes the report: one HTML file that opens offline and loads nothing from elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from kohort.data.dataset import Dataset
from kohort.evidence.readings import Reading
from kohort.evidence.record import StudyRecord
from kohort.evidence.settings import metric_name
from kohort.findings.conclusions import Conclusions
from kohort.findings.finding import Finding, by_verdict
from kohort.findings.statistics.proportion import PairedProportions
from kohort.findings.statistics.scale import Scale, percent
from kohort.report import words
from kohort.report.answers import (
    answer,
    score_table,
    trial_arguments,
    warnings,
    what_axes_do,
    winners_flattery,
)
from kohort.report.charts import learning_svg
from kohort.report.class_words import recall_rows, reference_row
from kohort.report.classes.class_rows import classes_shown
from kohort.report.cleaned.turn_words import ShownTurns
from kohort.report.costs.shown_costs import NO_COSTS, ShownCosts
from kohort.report.factorial.addition_words import in_short
from kohort.report.factorial.effect_plot import effect_panels
from kohort.report.factorial.effect_table import effect_rows
from kohort.report.figures import curve_bands, learning_points, plotted_metrics
from kohort.report.held_out import HeldOut
from kohort.report.race.race_notes import of_which, over_what
from kohort.report.race.race_picture import race_svg
from kohort.report.race.race_table import race_rows, race_table
from kohort.report.race.race_words import race_text
from kohort.report.study_page.comparison_tables import comparison_tables
from kohort.report.study_page.curve_panels import SHOWN_PANELS, curve_panels, drawn_variants
from kohort.report.study_page.finding_matrix import finding_matrix
from kohort.report.study_page.interval_picture import NARROW, WIDE, interval_svg
from kohort.report.study_page.interval_plot import (
    REFERENCE,
    IntervalPlot,
    are_cut,
    described,
    interval_plot,
    shown_of,
)
from kohort.report.study_page.mistakes import mistakes_part
from kohort.report.study_page.opening import (
    facts,
    headline,
    is_of_other_metrics,
    on_test_set,
)
from kohort.report.study_page.overlay import CHOSEN, overlay
from kohort.report.study_page.parts import parts
from kohort.report.study_page.residuals import residuals_part
from kohort.report.templates.rendering import environment, write_html
from kohort.report.tested import on_test
from kohort.report.tested.group_words import grouped_part
from kohort.report.tested.label_words import labels_part
from kohort.report.tested_scores import TestScore, are_accuracies

if TYPE_CHECKING:  # To draw it imports Optuna, which a study does without.
    from kohort.report.searches.search_view import SearchView

SHOWN_ARGUMENTS = 2
"""The most arguments that are columns of the table."""


@dataclass(frozen=True, eq=False)
class Page:
    """The contents of a report.

    Args:
        conclusions: The conclusions from the study's record.
        data: The data of the study; None where a report does without what needs them.
        tests: Results on the test set of the winner, then of the baseline; none without a winner.
        test_scores: Their scores there by the metric of the study.
        paired: The winner against the baseline on the test set; None without both.
        findings: The findings, those about the test set among them.
        readings: All readings of the test set.
        shipped: Which model to ship, in words; empty without a winner.
        command: The command that runs the study again; empty if there is none.
        pending: What was asked for since, and is not in it; empty where nothing was.
        search: What it shows of the search whose finalists raced; None where there was none.
        turns: Whether verdicts turn on clean data; None where no raw data stand beside them.
        costs: What models cost; empty where nobody measured it.
    """

    conclusions: Conclusions
    data: Dataset | None
    tests: Sequence[HeldOut]
    test_scores: Sequence[TestScore]
    paired: PairedProportions | None
    findings: Sequence[Finding]
    readings: Sequence[Reading]
    shipped: str
    command: str
    pending: str = ""
    search: "SearchView | None" = None
    turns: ShownTurns | None = None
    costs: ShownCosts = NO_COSTS

    @property
    def record(self) -> StudyRecord:
        """The study's record."""
        return self.conclusions.record

    @property
    def scale(self) -> Scale:
        """The scale of the metric that scores."""
        return self.conclusions.study.scale

    @cached_property
    def table(self) -> pd.DataFrame:
        """The variants' rows of `Result.table`."""
        return score_table(self.conclusions)

    @cached_property
    def bands(self) -> pd.DataFrame:
        """The curves of loss and of the metric that scores, with bands over replicates."""
        return curve_bands(self.record.whole.tidy(), plotted_metrics(self.record.settings.metric))

    @property
    def facts(self) -> list[tuple[str, str]]:
        """How the study was run, as pairs of a name and a text."""
        facts = [
            ("data", "not given to this report; of the test set it tells what was read before")
        ]
        if self.data is not None:
            facts = [("data", f"{self.data!r}, SHA-256 {self.data.fingerprint}")]
        facts += [("model to ship", self.shipped)] * bool(self.shipped)
        if self.data is not None and self.data.unreadable:
            facts.append(("files that could not be read", ", ".join(self.data.unreadable)))
        if self.data is not None and self.data.notes:
            facts.append(("how the data were read", "; ".join(self.data.notes)))
        read = [("test set read", on_test.readings(self.readings))]
        if self.data is not None and not len(self.data.x_test):
            read = [("test set", "none")]
        return [("scored by", self._scored_by()), *self.record.settings.facts(), *facts, *read]

    def _scored_by(self) -> str:
        """The metric that scores, and which others of the models could."""
        scores = self.record.settings.metric
        sides = [m.removeprefix("val_") for m in self.record.whole.metrics if m.startswith("val_")]
        others = [side for side in sides if side not in (scores, "loss", "data_loss")]
        could = f"; these could, by `metric=`: {', '.join(others)}" * bool(others)
        return f"validation {self.scale.title}{could}"


def write_page(path: Path, page: Page) -> Path:
    """Write a report, whole or not at all."""
    return write_html(path, render(page))


def render(page: Page) -> str:
    """The report as HTML text; every name in it is escaped."""
    templates = environment()
    templates.filters |= _filters(page)
    return templates.get_template("report.html.j2").render(
        **_opening(page), **_parts(page), **_whole(page)
    )


def _filters(page: Page) -> dict[str, Callable[..., str]]:
    """What writes numbers in the templates."""
    return {
        "percent": percent,
        "named": metric_name,
        "amount": page.scale.amount,
        "gap": lambda number: words.gap(number, page.scale),
        "value": lambda number: words.value(number, page.scale),
        "bounds": lambda row: words.bounds(row["low"], row["high"], page.scale),
        "argument": lambda value: "" if pd.isna(value) else str(value),
        "size": words.size,
        "errors": words.errors_fewer,
        "p_value": words.p_value,
        "milliseconds": lambda cost: "" if cost is None else f"{cost.milliseconds:.3g}",
        "file": lambda cost: "" if cost is None else words.size(cost.file_megabytes),
    }


def _opening(page: Page) -> dict[str, Any]:
    """What the opening shows."""
    plot = interval_plot(page.conclusions, page.table)
    return {
        "headline": headline(page.conclusions),
        "tested": on_test_set(page.conclusions, page.test_scores, len(page.readings), page.tests),
        "warnings": warnings(page.conclusions, page.findings),
        "facts": facts(page.conclusions),
        "plot": None if plot is None else _picture(page, plot),
    }


def _picture(page: Page, plot: IntervalPlot) -> dict[str, Any]:
    texts = [words.value(mean, page.scale) for mean in plot.points["mean"]]
    return {
        "wide": interval_svg(plot, WIDE),
        "narrow": interval_svg(plot, NARROW),
        "text": described(plot, texts),
        "are_cut": are_cut(plot),
        "shown": int((plot.points["standing"] != REFERENCE).sum()),
        "has_reference": REFERENCE in set(plot.points["standing"]),
        "others": plot.others,
    }


def _whole(page: Page) -> dict[str, Any]:
    """What all parts refer to."""
    settings, conclusions = page.record.settings, page.conclusions
    return {
        "page": page,
        "title": settings.study,
        "metric": settings.metric,
        "confidence": settings.confidence,
        "kind": settings.kind,
        "margin": conclusions.study.margin,
        "winner": conclusions.winner_name,
        "baseline": settings.baseline,
        "baseline_name": page.record.variant_names[0],
        "findings": by_verdict([f for f in page.findings if not is_of_other_metrics(f)]),
        "counts_errors": page.scale.counts_samples,
    }


def _parts(page: Page) -> dict[str, Any]:
    """What the parts below the opening show."""
    settings, conclusions = page.record.settings, page.conclusions
    effects = conclusions.known_effects
    drawn = drawn_variants(page.record, page.table)
    panels = curve_panels(page.bands, drawn, page.scale, settings.metric)
    matrix = finding_matrix(page.findings, [str(name) for name in page.table.index])
    rows = page.table.reset_index().to_dict("records")
    axes = what_axes_do(conclusions)
    return {
        "parts": parts(
            conclusions,
            page.findings,
            page.tests,
            page.test_scores,
            is_search=page.search is not None,
            is_cleaned=page.turns is not None,
            has_axes=bool(axes),
        ),
        "train_share": f"{settings.samples[0] / _training_samples(page):.0%}",
        "answer": answer(conclusions, warns=False),
        "additions": in_short(conclusions),
        "families": comparison_tables(conclusions),
        "has_rises": bool(conclusions.families.rises),
        "next_steps": conclusions.next_steps,
        "flattery": winners_flattery(conclusions),
        "of_groups": settings.strata if settings.group_size > 1 else "",
        "overview": words.overview(page.findings),
        "reference": reference_row(conclusions),
        "test_text": on_test.told(page.tests, page.test_scores, page.scale, settings),
        "recalls": recall_rows(page.tests),
        "classes": classes_shown(conclusions),
        "rows": rows,
        "first_rows": shown_of(len(rows)),
        "matrix": matrix,
        "anchors": matrix.anchors,
        "panels": panels,
        "has_notes": any(picture["note"] for panel in panels for picture in panel["pictures"]),
        "has_stopped": any(each.epochs < each.longest for each in conclusions.study.variants),
        "most_panels": SHOWN_PANELS,
        "overlay": overlay(page.bands, drawn),
        "chosen": CHOSEN,
        "drawn": drawn,
        "learning": _learning(page),
        "single_models": _single_models(page),
        "arguments": _arguments(page),
        "trials": trial_arguments(page.record),
        "of_which": of_which(effects, settings.looks),
        "over_what": over_what(conclusions, " (column replicates)"),
        "search": page.search,
        "race": race_text(conclusions)[1:],  # the answer tells how it ended
        "race_picture": _race_picture(page),
        "raced": [] if conclusions.race is None else race_rows(conclusions),
        "axes": axes,
        "effects": [] if effects is None else effect_rows(effects, settings.kind, page.scale),
        "effect_panels": [] if effects is None else effect_panels(effects, page.scale),
        "paired": _paired(page),
        "reconciled": _reconciled(page),
        "read": on_test.readings(page.readings),
        **grouped_part(page.test_scores[0].groups if page.test_scores else None),
        **mistakes_part(page.tests, page.data),
        **residuals_part(page.test_scores),
        **labels_part(page.test_scores),
    }


def _training_samples(page: Page) -> int:
    """The training samples of the data; without the data, those that a replicate uses."""
    return sum(page.record.settings.samples) if page.data is None else len(page.data.x_train)


def _learning(page: Page) -> str:
    """The learning curves as SVG text; empty if the study has no sizes."""
    points = learning_points(page.conclusions.named_learning_curves, page.scale)
    return learning_svg(points, f"validation {page.scale.metric}")


def _race_picture(page: Page) -> str:
    """Who left the race when, as SVG text; empty if the study is no race."""
    state = page.conclusions.race
    return "" if state is None else race_svg(race_table(page.conclusions), state)


def _arguments(page: Page) -> list[str]:
    """The columns of arguments in the table: where they are few, and not told by all names."""
    names = [str(name) for name in page.table.columns]
    arguments = [
        argument
        for argument in names[names.index("verdict") + 1 :]
        if not all(f"{argument}=" in variant for variant in page.record.variant_names)
    ]
    return arguments if len(arguments) <= SHOWN_ARGUMENTS else []


def _paired(page: Page) -> str:
    """The winner against the baseline on the test set, in words; empty without the two."""
    if page.paired is None:
        return ""
    return on_test.paired(page.paired, page.tests[0].variant, page.tests[-1].variant)


def _single_models(page: Page) -> str:
    """How the models that were tested scored on validation, in words."""
    picked = [on_test.picked(page.conclusions, one.variant) for one in page.test_scores]
    return on_test.single_models(picked, page.scale)


def _reconciled(page: Page) -> str:
    """How that comparison agrees with the one over replicates, in words.

    Empty where the replicates compare by another metric than right answers.
    """
    if page.paired is None or page.conclusions.winner is None:
        return ""
    if not are_accuracies(page.tests, page.test_scores):
        return ""
    compared = page.conclusions.compare(0, page.conclusions.winner)
    return on_test.reconciled(page.paired, compared, page.scale)
