"""What commands tell programs, as JSON; what is not there is null."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from kohort.errors import DesignError, StoreError
from kohort.evidence.given_values import evaluated
from kohort.evidence.trials_so_far import trials_in
from kohort.findings.statistics.interval import Interval

if TYPE_CHECKING:
    from kohort.design.plan import MemberPlan, Plan
    from kohort.evidence.store import KeptStudy
    from kohort.evidence.trials import SearchRecord
    from kohort.findings.finding import Finding
    from kohort.findings.probabilities.areas import Areas
    from kohort.findings.statistics.comparison import Comparison
    from kohort.report.classes.found_labels import FoundLabel
    from kohort.report.held_out import HeldOut
    from kohort.result import Result


def number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def of_interval(interval: Interval) -> dict[str, float | None]:
    """A mean with its bounds."""
    return {part: number(getattr(interval, part)) for part in ("mean", "low", "high")}


def of_finding(finding: "Finding") -> dict[str, Any]:
    """A finding with its evidence."""
    evidence = {
        name: number(value) if isinstance(value, float | int) else of_interval(value)
        for name, value in finding.evidence.items()
    }
    told = ("code", "title", "variant", "verdict", "sentence", "advice")
    return {**{name: getattr(finding, name) for name in told}, "evidence": evidence}


def of_comparison(found: "Comparison") -> dict[str, object]:
    """A comparison for programs, as it was asked for: `a - b`. What it has not is null."""
    difference = found.difference
    numbers = {
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p_value,
        "p_adjusted": found.p_adjusted,
        "margin": found.margin,
    }
    return {
        "a": found.b,
        "b": found.a,
        "measure": found.measure,
        "replicates": difference.n,
        **{name: number(value) for name, value in numbers.items()},
        "decided": found.is_decided,
        "better": found.better,
        "equivalent": found.is_equivalent,
        "told": found.text,
    }


def of_test(result: "Result") -> list[dict[str, Any]]:
    """What the winner and the baseline do on the test set; none where nobody knows."""
    try:
        scores = result.test_scores()
    except DesignError:
        return []
    try:
        tested = {held.variant: held for held in result.test()}
    except DesignError:  # of no classes
        tested = {}
    return [
        {
            "variant": one.variant,
            "metric": one.metric,
            "score": of_interval(one.score),
            "samples": len(one.values),
            "accuracy": of_interval(tested[one.variant].accuracy) if tested else None,
            "areas": _of_areas(tested[one.variant].areas) if tested else None,
            "classes": _of_classes(tested[one.variant]) if tested else None,
            "labels": [_of_label(label) for label in one.labels],
            "errors": [
                {
                    "rmse": of_interval(errors.rmse),
                    "mae": of_interval(errors.mae),
                    "r2": None if errors.no_r2 else of_interval(errors.r2),
                }
                for errors in one.errors
            ],
        }
        for one in scores
    ]


def _of_label(label: "FoundLabel") -> dict[str, Any]:
    """How often a model finds a label, where samples may have several."""
    return {
        "name": label.name,
        "samples": label.samples,
        "found": label.found,
        "given": label.given,
        "recall": None if label.recall is None else of_interval(label.recall),
        "precision": None if label.precision is None else of_interval(label.precision),
        "areas": _of_areas(label.areas),
    }


def _of_classes(held: "HeldOut") -> dict[str, Any]:
    """Which classes a model finds, and how far its probabilities, if any, can be believed."""
    found: dict[str, Any] = {
        "names": list(held.answers.names),
        "balanced_accuracy": of_interval(held.balanced_accuracy),
        "recalls": [None if one is None else of_interval(one) for one in held.recalls],
        "confusion": held.confusion.tolist(),
    }
    if not held.has_probabilities:
        return found | {"log_loss": None, "ece": None, "ece_by_chance": None}
    calibration = held.calibration
    return found | {
        "log_loss": number(float(held.losses.mean())),
        "ece": number(calibration.error),
        "ece_by_chance": number(calibration.by_chance),
    }


def _of_areas(found: "Areas | None") -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "roc": of_interval(found.roc),
        "average_precision": number(found.average_precision),
        "share": number(found.share),
    }


def of_recalls(result: "Result") -> list[dict[str, Any]]:
    """How much of each class each variant finds on validation; none where nobody knows."""
    try:
        return _rows(result.recalls())
    except DesignError:  # of no classes
        return []


def of_table(result: "Result") -> list[dict[str, Any]]:
    """The table of variants, best score first; what is no number, text or truth as its code."""
    return _rows(result.table())


def of_winner(result: "Result") -> dict[str, Any] | None:
    """The winner's arguments, with those that all variants share; None without a winner.

    What is no number, text or truth is there as its code.
    """
    given = {variant.name: variant.arguments for variant in result.record.variants}
    if result.winner is None:
        return None
    return {name: _plain(evaluated(code)) for name, code in given[result.winner].items()}


def of_trials(record: "SearchRecord") -> list[dict[str, Any]]:
    """The trials of a search, ended or not, the best first; those without a score last.

    Its `rungs` are those that a trial has behind it.
    """
    return [
        {
            "trial": trial.number,
            "score": number(trial.score),
            "rungs": record.rungs_behind(trial),
            "epochs": trial.epochs,
            "state": trial.state,
            "finalist": trial.number in record.finalists,
            "arguments": {name: _plain(value) for name, value in trial.arguments.items()},
            "bracket": trial.bracket,
            "parameters": trial.parameters,
            "seconds": trial.seconds,
            "reason": trial.reason,
        }
        for trial in record.best_to_worst()
    ]


def of_stored_search(stored: "KeptStudy") -> dict[str, list[dict[str, Any]]]:
    """What a store has of a search, ended or not; nothing of a study."""
    if stored.description.get("kind") != "search":
        return {}
    try:
        record = trials_in(stored)
    except StoreError as error:  # The rest can be shown without the epochs.
        return {"search": [{"told": str(error)}]}
    about = {
        "metric": record.metric,
        "higher_is_better": record.higher_is_better,
        "rungs": list(record.rungs),
        "reduction": record.reduction,
        "sampler": record.sampler,
    }
    return {"search": [about], "trials": of_trials(record)}


def of_result(result: "Result", told: list[str], files: Mapping[str, Path]) -> dict[str, Any]:
    """What a run ended with.

    Args:
        result: Its result.
        told: Further lines of its outcome.
        files: What it wrote, by what that is.
    """
    settings = result.settings
    return {
        "study": settings.study,
        "data": str(result.data.name),
        "metric": settings.metric,
        "higher_is_better": settings.higher_is_better,
        "confidence": settings.confidence,
        "winner": result.winner,
        "winner_arguments": of_winner(result),
        "answer": result.answer(),
        "table": of_table(result),
        "recalls": of_recalls(result),
        "test": of_test(result),
        "findings": [of_finding(finding) for finding in result.findings()],
        "next": [step.sentence for step in result.next_steps()],
        "told": [line for line in told if line],
        **{what: str(path) for what, path in files.items()},
    }


def of_plan(plan: "Plan") -> dict[str, Any]:
    """What a study would train together, and what alone, and why."""
    return {
        "study": plan.study,
        "members": len(plan.every_member),
        "member_epochs": plan.member_epochs,
        "programs": len(plan.cohorts),
        "peak_bytes": plan.peak_bytes,
        "batch_size": plan.batch_size,
        "looks": list(plan.looks),
        "notes": [*plan.slips, *plan.notes],
        "cohorts": [_of_members(plan, members) for members in plan.cohorts],
        "alone": [
            {**_of_members(plan, members), "reason": members[0].reason} for members in plan.alone
        ],
        "told": str(plan),
    }


def _of_members(plan: "Plan", members: tuple["MemberPlan", ...]) -> dict[str, Any]:
    variants = dict.fromkeys(plan.variant_names[member.variant] for member in members)
    return {
        "variants": list(variants),
        "members": len(members),
        "epochs": max(member.epochs for member in members),
        "parameters": max(member.parameters for member in members),
        "state_bytes": sum(member.state_bytes for member in members),
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows, with its index among them; arguments that JSON does not know as text."""
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in table.reset_index().to_dict("records")
    ]


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):  # a number of NumPy's
        value = value.item()
    if value is pd.NA or value is None:
        return None
    if isinstance(value, float):
        return number(value)
    return value if isinstance(value, str | bool | int) else repr(value)
