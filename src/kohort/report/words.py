"""Writes the report's sentences from the numbers."""

import math
from collections.abc import Sequence

from kohort.data.system import bytes_text
from kohort.errors import count
from kohort.findings.finding import Finding
from kohort.findings.names import shortlist
from kohort.findings.rules.too_few import many
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.interval import Interval, rounded
from kohort.findings.statistics.scale import Scale, fixed, rises_more, significant


def difference(
    comparison: Comparison, scale: Scale | None, most: float = 1.0, digits: int = 1
) -> str:
    """A difference with its sign and interval, in points where proportions are compared.

    Args:
        comparison: The difference.
        scale: The scale of the metric that scores; None for rises of a loss, in percent.
        most: The largest value that a difference of proportions can have.
        digits: The fewest digits after the decimal point, of points and of percent.
    """
    return _signed(comparison.difference, scale, comparison.thresholds, most, digits)


def _signed(
    interval: Interval,
    scale: Scale | None,
    thresholds: Sequence[float],
    most: float = 1.0,
    digits: int = 1,
) -> str:
    if not interval.n:
        return "none"
    unit, interval = " %", interval.without_noise

    def write(bound: float, digits: int) -> str:
        is_number = scale is not None and not scale.is_proportion
        return (significant if is_number else fixed)(bound, digits, "+")

    if scale is not None and scale.is_proportion:
        interval, unit = interval.within(-most, most).times(100), " points"
        thresholds = [100 * border for border in thresholds]
    elif scale is not None:
        unit, digits = "", 3
    mean, low, high = rounded(interval, write, digits, thresholds)
    return (
        f"{mean}{unit} ({low} to {high})" if interval.is_formed else f"{mean}{unit} (no interval)"
    )


def value(number: float, scale: Scale) -> str:
    """A value of the metric that scores; in percent if it is a proportion."""
    if math.isnan(number):
        return "none"
    return f"{fixed(100 * number)} %" if scale.is_proportion else significant(number, 4)


def bounds(low: float, high: float, scale: Scale) -> str:
    """The interval of a value in a row of the table, as text."""
    if math.isnan(low):
        return "none"
    if scale.is_proportion:
        return f"{fixed(100 * low)} to {fixed(100 * high)}\N{NO-BREAK SPACE}%"
    return f"{value(low, scale)} to {value(high, scale)}"


def gap(number: float, scale: Scale) -> str:
    """The gap in a row of the table, as text."""
    if math.isnan(number):
        return "none"
    return f"{fixed(100 * number)} points" if scale.is_proportion else significant(number, 3)


def size(megabytes: float) -> str:
    """A size in the largest unit that fits: `2.6 KB`, which is 0.0026 MB."""
    return "none" if math.isnan(megabytes) else bytes_text(round(1e6 * megabytes))


LITTLE = " by less than matters"
"""Of a difference that is decided, and decided to be smaller than the margin."""


def shown_difference(
    comparison: Comparison, scale: Scale | None, most: float = 1.0, digits: int = 1
) -> str:
    """A difference with the interval to show with its verdict, and the name of that interval.

    Args:
        comparison: The difference.
        scale: As in `difference`.
        most: As there.
        digits: As there.
    """
    text = _signed(comparison.shown_interval, scale, comparison.thresholds, most, digits)
    return ", ".join(filter(None, [text, comparison.shown_interval_name]))


def errors_fewer(comparison: Comparison) -> str:
    """How many fewer errors `b` makes than `a` in 1,000 samples, as text."""
    return fixed(comparison.errors_per_thousand, 0) if comparison.difference.n else "none"


def p_value(p: float) -> str:
    """A p-value with four digits."""
    if math.isnan(p):
        return "none"
    return "below 0.0001" if p < 0.0001 else f"{p:.4f}"


def compared(comparison: Comparison, scale: Scale, kind: str) -> str:
    """One comparison with its verdicts by itself and corrected, and which of them to believe.

    Args:
        comparison: The comparison, corrected.
        scale: The scale of the metric that scores.
        kind: The kind of replicates.
    """
    text = f"{comparison.b} against {comparison.a}, {comparison.measure}: "
    if not comparison.difference.n:
        return f"{text}{verdict_of(comparison, kind)}."
    over = count(comparison.difference.n, "fold" if kind == "folds" else "replicate")
    if not comparison.difference.is_formed:
        told = difference(comparison, scale)
        return f"{text}{told} over {over}: {verdict_of(comparison, kind)}."
    alone, corrected = verdict_word(comparison.alone), verdict_word(comparison)
    return (
        f"{text}{shown_difference(comparison, scale)} over {over}. "
        f"By itself: p {comparison.difference.p_value:.2g} by Student's t and "
        f"{comparison.p_sign_flip:.2g} by sign flips, {alone}. Corrected for all that the study "
        f"compares: p {comparison.p_adjusted:.2g}, {verdict_of(comparison, kind)}."
        + (f" {WHICH}" * (alone != corrected))
    )


WHICH = (
    "Believe the second, as the report does; the first holds only if this pair was the one to be "
    "compared before any result was seen."
)
"""Which of two verdicts on one pair to believe."""


def verdict_of(comparison: Comparison, kind: str, *, of_first_look: bool = False) -> str:
    """The verdict of a comparison, with how many replicates would decide it.

    Args:
        comparison: The comparison.
        kind: The kind of replicates.
        of_first_look: Whether it is of the first look of a race, which later replicates do not
            change.
    """
    needed = comparison.replicates_needed
    word = verdict_word(comparison)
    if word != UNDECIDED or needed is None or needed <= comparison.difference.n:
        return word
    if of_first_look:
        return f"{word}; a first look (`first=`) of about {many(needed, 'splits')} would tell"
    return f"{word}; about {many(needed, kind)} would tell"


UNDECIDED = "undecided"


def verdict_word(comparison: Comparison) -> str:
    """The verdict of a comparison alone."""
    if not comparison.difference.n:
        return "not both trained to the end in any replicate"
    if comparison.is_decided:
        return f"differ{LITTLE * comparison.is_equivalent}"
    return "no difference of practical interest" if comparison.is_equivalent else UNDECIDED


def by_verdict(
    findings: Sequence[Finding], code: str, title: str | None = None
) -> dict[str, list[str]]:
    """Variant names by the verdict of one rule; of one title of it, where it has several."""
    verdicts: dict[str, list[str]] = {}
    for finding in findings:
        is_of_it = finding.code == code and title in (None, finding.title)
        if is_of_it and finding.variant is not None:
            verdicts.setdefault(finding.verdict, []).append(finding.variant)
    return verdicts


def overview(findings: Sequence[Finding]) -> list[str]:
    """For each title of a rule, the variants in which it was found, or is inconclusive."""
    lines = [
        f"{f.title.capitalize()} ({f.code}) {f.verdict}: {f.sentence}"
        for f in findings
        if f.variant is None and f.verdict != "not applicable"
    ]
    titles = dict.fromkeys((f.code, f.title) for f in findings if f.variant is not None)
    for code, title in titles:
        verdicts = by_verdict(findings, code, title)
        parts = [
            f"{verdict}: {shortlist(verdicts[verdict])}"
            for verdict in ("found", "inconclusive")
            if verdict in verdicts
        ]
        nothing = "found nowhere" if "not found" in verdicts else "not applicable"
        lines.append(f"{title.capitalize()} ({code}) {'; '.join(parts) or nothing}.")
    return lines


def what_it_does(score: Comparison, rise: Comparison | None, scale: Scale) -> str:
    """The effect of an addition to a variant on the score and on late overfitting, in a sentence.

    Args:
        score: The comparison of scores at the best epoch.
        rise: The comparison of rises of validation loss after the best epoch; None if these cannot
            be compared.
        scale: The scale of the metric that scores.
    """
    if not score.difference.n:
        return f"{score.b} and {score.a} {UNTRAINED}."
    evidence = [f"{score.measure} {shown_difference(score, scale)}, {_decision(score)}"]
    if rise is not None and rise.difference.n:
        told = f"after the best epoch validation loss rises {rises_more(rise.difference)}"
        evidence.append(f"{told}, {_decision(rise)}")
    return f"{score.b} against {score.a} {effect_of(score, rise)}: {'; '.join(evidence)}."


NO_SURE = "shows no sure difference"
UNTRAINED = "did not both train to the end in any replicate"


def effect_of(score: Comparison, rise: Comparison | None) -> str:
    """What an addition is decided to do, as a verb and what goes with it; see `what_it_does`."""
    if not score.difference.n:
        return UNTRAINED
    effects = []
    if score.is_decided:
        little = LITTLE * score.is_equivalent
        good, bad = f"betters the score{little}", f"worsens the score{little}"
        effects.append((good, bad, score.better == score.b))
    if rise is not None and rise.is_decided:
        late = "late overfitting"
        effects.append((f"helps against {late}", f"adds to {late}", rise.better == rise.b))
    are_opposed = len({is_good for *_, is_good in effects}) == 2
    verbs = [good if is_good else bad for good, bad, is_good in effects]
    return (" but " if are_opposed else " and ").join(verbs) or (
        "makes no difference of practical interest to the score" if score.is_equivalent else NO_SURE
    )


def _decision(comparison: Comparison) -> str:
    p = comparison.p_adjusted
    # Which of the two p-values stands behind the word: that of a difference, or of none.
    word = "decided" if comparison.is_decided else "undecided"
    if comparison.is_equivalent and not comparison.is_decided:
        word, p = "within the margin", comparison.p_equivalence_adjusted
    if math.isnan(p):
        return word
    # Two digits, but more where they would say that it lies at the very level.
    texts = [f"{p:.{digits}g}" for digits in (2, 3, 4)]
    apart = (text for text in texts if not math.isclose(float(text), comparison.alpha))
    return f"{word} (corrected p {next(apart, texts[-1])})"
