"""Writes the report's sentences from the numbers."""

import math
from collections.abc import Sequence

from kohort.findings.finding import Finding
from kohort.findings.names import MOST_NAMES, capital, shortlist
from kohort.findings.rules.too_few import many
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.interval import Interval, rounded
from kohort.findings.statistics.scale import Scale


def difference(comparison: Comparison, scale: Scale | None, most: float = 1.0) -> str:
    """A difference with its sign and interval, in points where proportions are compared.

    Args:
        comparison: The difference.
        scale: The scale of the metric that scores; None for rises of a loss, in percent.
        most: The largest value that a difference of proportions can have.
    """
    return _signed(comparison.difference, scale, comparison.thresholds, most)


def _signed(
    interval: Interval, scale: Scale | None, thresholds: Sequence[float], most: float = 1.0
) -> str:
    if not interval.n:
        return "none"
    unit, digits, form = " %", 1, "+z.{}f"
    if scale is not None and scale.is_proportion:
        interval, unit = interval.within(-most, most).times(100), " points"
        thresholds = [100 * border for border in thresholds]
    elif scale is not None:
        unit, digits, form = "", 3, "+z.{}g"
    mean, low, high = rounded(interval, lambda b, n: format(b, form.format(n)), digits, thresholds)
    return (
        f"{mean}{unit} ({low} to {high})" if interval.is_formed else f"{mean}{unit} (no interval)"
    )


def value(number: float, scale: Scale) -> str:
    """A value of the metric that scores; in percent if it is a proportion."""
    if math.isnan(number):
        return "none"
    return f"{100 * number:.1f} %" if scale.is_proportion else f"{number:.4g}"


def gap(number: float, scale: Scale) -> str:
    """The gap in a row of the table, as text."""
    if math.isnan(number):
        return "none"
    return f"{100 * number:z.1f} points" if scale.is_proportion else f"{number:.3g}"


def counts_errors(scale: Scale) -> bool:
    """Whether a point of the metric means one error in a hundred samples."""
    return scale.counts_samples and "top" not in scale.metric


def answer(
    winner: str,
    score: Interval,
    scale: Scale,
    against_all: Sequence[Comparison],
    against_baseline: Sequence[Comparison],
    diverged: Sequence[tuple[str, int, int]] = (),
    does: str = "does best on validation data",
    baseline: str = "the baseline",
) -> str:
    """The answer in a few sentences: the winner, its score, and the variants as good as it.

    Args:
        winner: The name of the winner.
        score: Its score.
        scale: The scale of the metric that scores.
        against_all: The winner (`b`) against every other variant (`a`).
        against_baseline: Every other variant (`b`) against the baseline (`a`).
        diverged: Names of variants with replicates that diverged, how many did, and of how many.
        does: What the winner does.
        baseline: What the baseline is called.
    """
    lower = "" if scale.higher_is_better else ", lower is better"
    sentences = [f"{winner} {does}: {scale.metric} {scale.score(score)}{lower}."]
    step = next((c for c in against_baseline if c.b == winner), None)
    if step is not None and not step.difference.n:
        sentences.append(f"{capital(baseline)}, {step.a}, did not train to the end.")
    elif step is not None:
        sentences.append(
            f"It {_standing(step, scale)} {baseline}, {step.a}: {_difference_text(step, scale)}."
        )
    # A variant that never trained to the end has no score to compare with.
    others = [c for c in against_all if c.difference.n and (step is None or c.a != step.a)]
    sentences += _of_others(winner, others, scale)
    if diverged:
        sentences.append(divergence(diverged))
    return " ".join(sentences)


def _of_others(winner: str, others: Sequence[Comparison], scale: Scale) -> list[str]:
    """How the winner (`b`) stands to the others (`a`), a sentence for each kind of verdict."""
    kinds: dict[str, list[str]] = {}
    for c in sorted(others, key=lambda c: abs(c.difference.mean)):  # the closest are named
        decided = "worse" if c.better == winner else "luckier" if c.is_decided else "undecided"
        kinds.setdefault(f"{decided}{LITTLE * c.is_equivalent}", []).append(c.a)
    margin = scale.amount(others[0].margin) if others else ""
    alone = [c.a for c in others if c.excludes_zero and not c.is_conclusive]
    whom = f" tell it from {shortlist(alone)}" * (len(alone) < len(kinds.get("undecided", ())))
    but = f"; without correction for all that is compared they could{whom}" * bool(alone)
    texts = {
        "worse": "It is better than {}.",
        f"worse{LITTLE}": f"It is better{LITTLE} than {{}}.",
        f"undecided{LITTLE}": (
            "Between it and {} there is no difference of practical interest "
            f"(less than {margin})."
        ),
        "undecided": "These replicates cannot tell it from {}{}.",
        "luckier": f"{{}} {LUCKIER}",
        f"luckier{LITTLE}": f"{{}} {LUCKIER}",
    }
    return [texts[kind].format(shortlist(kinds[kind]), but) for kind in texts if kind in kinds]


LUCKIER = (
    "scored better where training came to its end, and was not chosen since it diverged in some "
    "replicates."
)


def cheaper(name: str, ratio: float, margin: float, scale: Scale) -> str:
    """That a smaller variant is as good as the winner, in a sentence.

    Args:
        name: Its name.
        ratio: The winner's parameters over its parameters.
        margin: The margin of equivalence.
        scale: The scale of the metric that scores.
    """
    smaller = f"{ratio:.2g} times" if ratio >= 1.1 else f"{100 * (1 - 1 / ratio):.2g} %"
    if ratio >= 100:
        smaller = f"{ratio:,.0f} times"
    return f"{name} is as good within {scale.amount(margin)} and {smaller} smaller."


def no_winner(diverged: Sequence[tuple[str, int, int]]) -> str:
    """The answer if no variant has a score.

    Args:
        diverged: As in `answer`.
    """
    sentences = ["No variant trained to the end, so there is no winner."]
    return " ".join(sentences + [divergence(diverged)] * bool(diverged))


def divergence(diverged: Sequence[tuple[str, int, int]]) -> str:
    """Which variants diverged, in a sentence.

    Args:
        diverged: Their names, in how many replicates each diverged, and of how many.
    """
    everywhere = [name for name, bad, of in diverged if bad == of]
    some = [
        f"{name} diverged in {bad} of {of} replicates" for name, bad, of in diverged if bad < of
    ]
    parts = [f"{shortlist(everywhere)} diverged in all replicates"] * bool(everywhere)
    if more := some[MOST_NAMES:]:
        some = [*some[:MOST_NAMES], f"and {len(more)} more of them in some replicates"]
    return f"{'; '.join(parts + some)}."


LITTLE = " by less than matters"
"""Of a difference that is decided, and decided to be smaller than the margin."""


def _standing(step: Comparison, scale: Scale) -> str:
    if step.better == step.b:
        return f"is better{LITTLE * step.is_equivalent} than"
    if step.better == step.a:  # it was not chosen, since it diverged in some replicates
        return "is worse than"
    if step.is_equivalent:
        return f"differs by less than {scale.amount(step.margin)} from"
    if not step.excludes_zero:
        return "cannot be told from"
    rises = step.difference.mean > 0
    return "seems better than" if rises == step.higher_is_better else "seems worse than"


def _difference_text(comparison: Comparison, scale: Scale) -> str:
    """A difference as text; if it is decided, with the number of errors that it means."""
    text = shown_difference(comparison, scale)
    if not comparison.is_conclusive and comparison.excludes_zero:
        return f"{text}, but not after correction for all that is compared"
    if not (counts_errors(scale) and comparison.is_decided):
        return text
    errors = round(comparison.errors_per_thousand)
    more = "fewer" if errors >= 0 else "more"
    noun = "error" if abs(errors) == 1 else "errors"
    return f"{text}, {abs(errors)} {more} {noun} in 1,000"


def shown_difference(comparison: Comparison, scale: Scale | None, most: float = 1.0) -> str:
    """A difference with the interval to show with its verdict, and the name of that interval.

    Args:
        comparison: The difference.
        scale: As in `difference`.
        most: As there.
    """
    text = _signed(comparison.shown_interval, scale, comparison.thresholds, most)
    return ", ".join(filter(None, [text, comparison.shown_interval_name]))


def errors_fewer(comparison: Comparison) -> str:
    """How many fewer errors `b` makes than `a` in 1,000 samples, as text."""
    return f"{comparison.errors_per_thousand:z.0f}" if comparison.difference.n else "none"


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
    if not comparison.difference.is_formed:
        return f"{text}{difference(comparison, scale)}: {verdict_of(comparison, kind)}."
    over = "folds" if kind == "folds" else "replicates"
    alone, corrected = verdict_word(comparison.alone), verdict_word(comparison)
    return (
        f"{text}{shown_difference(comparison, scale)} over {comparison.difference.n} {over}. "
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


def verdict_of(comparison: Comparison, kind: str) -> str:
    """The verdict of a comparison, with how many replicates would decide it.

    Args:
        comparison: The comparison.
        kind: The kind of replicates.
    """
    needed = comparison.replicates_needed
    word = verdict_word(comparison)
    if word != UNDECIDED or needed is None or needed <= comparison.difference.n:
        return word
    return f"{word}; about {many(needed, kind)} would tell"


UNDECIDED = "undecided"


def verdict_word(comparison: Comparison) -> str:
    """The verdict of a comparison alone."""
    if not comparison.difference.n:
        return "not both trained to the end in any replicate"
    if comparison.is_decided:
        return f"differ{LITTLE * comparison.is_equivalent}"
    return "no difference of practical interest" if comparison.is_equivalent else UNDECIDED


def by_verdict(findings: Sequence[Finding], code: str) -> dict[str, list[str]]:
    """Variant names by the verdict of one rule."""
    verdicts: dict[str, list[str]] = {}
    for finding in findings:
        if finding.code == code and finding.variant is not None:
            verdicts.setdefault(finding.verdict, []).append(finding.variant)
    return verdicts


def overview(findings: Sequence[Finding]) -> list[str]:
    """For each rule, the variants in which it was found, and those where it is inconclusive."""
    lines = [
        f"{f.title.capitalize()} ({f.code}) {f.verdict}: {f.sentence}"
        for f in findings
        if f.variant is None and f.verdict != "not applicable"
    ]
    titles = {finding.code: finding.title for finding in findings if finding.variant is not None}
    for code, title in titles.items():
        verdicts = by_verdict(findings, code)
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
        return f"{score.b} and {score.a} did not both train to the end in any replicate."
    evidence = [f"{score.measure} {shown_difference(score, scale)}, {_decision(score)}"]
    effects = []
    if score.is_decided:
        little = LITTLE * score.is_equivalent
        good, bad = f"betters the score{little}", f"worsens the score{little}"
        effects.append((good, bad, score.better == score.b))
    if rise is not None and rise.difference.n:
        evidence.append(f"{rise.measure} {difference(rise, None)}, {_decision(rise)}")
        if rise.is_decided:
            late = "late overfitting"
            effects.append((f"helps against {late}", f"adds to {late}", rise.better == rise.b))
    are_opposed = len({is_good for *_, is_good in effects}) == 2
    verbs = [good if is_good else bad for good, bad, is_good in effects]
    verb = (" but " if are_opposed else " and ").join(verbs) or (
        "makes no difference of practical interest to the score"
        if score.is_equivalent
        else "shows no sure difference"
    )
    return f"{score.b} against {score.a} {verb}: {'; '.join(evidence)}."


def _decision(comparison: Comparison) -> str:
    p = comparison.p_adjusted
    word = "decided" if comparison.is_decided else "undecided"
    return word if math.isnan(p) else f"{word} (corrected p {p:.2g})"
