"""The report's sentences, made from the numbers."""

import math
from collections.abc import Sequence

from kohort.findings.comparison import Comparison
from kohort.findings.finding import Finding
from kohort.findings.interval import Interval


def percent(interval: Interval, digits: int = 1) -> str:
    """A proportion with its interval, `92.1 % (91.0 to 93.2)`."""
    mean, low, high = (
        f"{100 * bound:z.{digits}f}" for bound in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} % ({low} to {high})" if interval.is_formed else f"{mean} % (no interval)"


def difference(comparison: Comparison) -> str:
    """A difference with its sign and interval, in points where an accuracy is compared."""
    points = "acc" in comparison.measure
    scale, unit, digits = (100.0, " points", 1) if points else (1.0, "", 3)
    interval = comparison.difference
    mean, low, high = (
        f"{scale * bound:+z.{digits}f}" for bound in (interval.mean, interval.low, interval.high)
    )
    return (
        f"{mean}{unit} ({low} to {high})" if interval.is_formed else f"{mean}{unit} (no interval)"
    )


def value(number: float, metric: str) -> str:
    """A value of the metric that scores: a percentage for an accuracy."""
    return f"{number:.4f}" if metric == "data_loss" else f"{100 * number:.1f} %"


def points(number: float, metric: str) -> str:
    """A difference of two values of the metric that scores."""
    return f"{number:.4f}" if metric == "data_loss" else f"{100 * number:.1f} points"


def metric_name(metric: str) -> str:
    """What a reader calls a metric."""
    return "loss" if metric == "data_loss" else metric.replace("_", " ")


def answer(
    winner: str,
    score: Interval,
    metric: str,
    against_all: Sequence[Comparison],
    against_baseline: Sequence[Comparison],
) -> str:
    """The answer in a sentence or three: who wins, by what, and whom it cannot be told from.

    Args:
        winner: Its name.
        score: Its score.
        metric: The metric that scores.
        against_all: The winner (`b`) against every other variant (`a`).
        against_baseline: Every other variant (`b`) against the baseline (`a`).
    """
    what = percent(score) if metric != "data_loss" else f"{-score.mean:.4f}"
    told = [f"{winner} does best on validation data: {metric_name(metric)} {what}."]
    step = next((c for c in against_baseline if c.b == winner), None)
    if step is not None and not step.difference.n:
        told.append(f"The baseline, {step.a}, did not train to the end.")
    elif step is not None:
        verb = "is better than" if _decided_as(step, 1) else "cannot be told from"
        told.append(f"It {verb} the baseline, {step.a}: {difference(step)}.")
    # A variant that never trained to the end has no score to be told from.
    others = [c for c in against_all if c.difference.n and (step is None or c.a != step.a)]
    beaten = [c.a for c in others if _decided_as(c, 1)]
    rivals = [c.a for c in others if c.a not in beaten]
    if beaten:
        told.append(f"It is better than {listing(beaten)}.")
    if rivals:
        told.append(f"These replicates cannot tell it from {listing(rivals)}.")
    return " ".join(told)


def by_verdict(findings: Sequence[Finding], code: str) -> dict[str, list[str]]:
    """Variant names by the verdict of one rule."""
    verdicts: dict[str, list[str]] = {}
    for finding in findings:
        if finding.code == code:
            verdicts.setdefault(finding.verdict, []).append(finding.variant)
    return verdicts


def overview(findings: Sequence[Finding]) -> list[str]:
    """For each rule, who it was found in and who it is undecided for."""
    titles = dict.fromkeys((finding.code, finding.title) for finding in findings)
    lines = []
    for code, title in titles:
        verdicts = by_verdict(findings, code)
        told = [
            f"{verdict}: {listing(verdicts[verdict])}"
            for verdict in ("found", "inconclusive")
            if verdict in verdicts
        ]
        lines.append(f"{title.capitalize()} ({code}) {'; '.join(told) or 'found nowhere'}.")
    return lines


def what_it_does(score: Comparison, last_loss: Comparison | None) -> str:
    """What an addition to a variant does: to the score, and to the loss at the end of training.

    Args:
        score: At the best epoch; higher is better.
        last_loss: Validation loss at the last epoch; lower is better. None where the two variants
            have losses of different kinds.
    """
    told, verbs = [score], []
    if score.is_decided:
        verbs.append("raises the score" if score.difference.mean > 0 else "lowers the score")
    if last_loss is not None:
        told.append(last_loss)
        if last_loss.is_decided:
            verb = "helps against" if last_loss.difference.mean < 0 else "adds to"
            verbs.append(f"{verb} late overfitting")
    verb = " and ".join(verbs) or "makes no difference that these replicates can tell"
    evidence = "; ".join(f"{c.measure} {difference(c)}, {_decision(c)}" for c in told)
    return f"{score.b} against {score.a} {verb}: {evidence}."


def _decided_as(comparison: Comparison, sign: int) -> bool:
    return comparison.is_decided and sign * comparison.difference.mean > 0


def _decision(comparison: Comparison) -> str:
    p = comparison.p_adjusted
    word = "decided" if comparison.is_decided else "undecided"
    return word if math.isnan(p) else f"{word} (corrected p {p:.2g})"


def listing(names: Sequence[str]) -> str:
    """Names in a sentence: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""
