"""The report's sentences, made from the numbers."""

from collections.abc import Sequence

from kohort.findings.comparison import Comparison
from kohort.findings.finding import Finding
from kohort.findings.interval import Interval


def percent(interval: Interval, digits: int = 1) -> str:
    """A proportion with its interval, `92.1 % (91.0 to 93.2)`."""
    mean, low, high = (
        f"{100 * bound:.{digits}f}" for bound in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} % ({low} to {high})" if interval.is_formed else f"{mean} % (no interval)"


def difference(interval: Interval, metric: str) -> str:
    """A difference with its sign and interval, in points where the metric is an accuracy."""
    scale, unit, digits = (1.0, "", 4) if metric == "data_loss" else (100.0, " points", 1)
    mean, low, high = (
        f"{scale * bound:+.{digits}f}" for bound in (interval.mean, interval.low, interval.high)
    )
    return (
        f"{mean}{unit} ({low} to {high})" if interval.is_formed else f"{mean}{unit} (no interval)"
    )


def answer(winner: str, score: Interval, metric: str, comparisons: Sequence[Comparison]) -> str:
    """The answer in a sentence: who wins, by what, and whom it cannot be told from."""
    what = percent(score) if metric != "data_loss" else f"a loss of {-score.mean:.4f}"
    rivals = [c.a for c in comparisons if c.b == winner and not c.is_decided]
    beaten = [c.a for c in comparisons if c.b == winner and c.is_decided]
    words = f"{winner} does best on validation data: {metric} {what}."
    if beaten:
        words += f" It is better than {listing(beaten)}."
    if rivals:
        words += f" These replicates cannot tell it from {listing(rivals)}."
    return words


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


def what_it_does(comparison: Comparison, metric: str) -> str:
    """What an addition to a variant does to the score."""
    told = difference(comparison.difference, metric)
    if not comparison.is_decided:
        verb = "makes no difference that these replicates can tell"
    else:
        verb = "helps" if comparison.difference.mean > 0 else "does harm"
    return f"{comparison.b} against {comparison.a}: {verb}, {told}."


def listing(names: Sequence[str]) -> str:
    """Names in a sentence: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""
