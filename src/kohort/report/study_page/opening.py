"""Writes what a report opens with: the answer in a sentence or two, and three facts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kohort.findings.conclusions import Conclusions
from kohort.findings.factorial.effects import Effects
from kohort.findings.finding import Finding
from kohort.findings.names import capital, shortlist
from kohort.findings.rules import diverged, gap, overfit, slow, underfit, undertrained
from kohort.findings.rules import majority as majority_rule
from kohort.findings.rules.too_few import NO_MARGIN
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.interval import ROUNDING
from kohort.report import winner_words, words
from kohort.report.answers import (
    OPENS_THE_ANSWER,
    cheapest_text,
    left_ahead_text,
    left_as_worse_text,
    tie,
    too_few_to_tell,
    twins,
    what_axes_do,
    what_it_did,
)
from kohort.report.class_words import (
    against_majority_text,
    not_beaten,
    of_no_use,
    of_the_class,
)
from kohort.report.factorial.addition_words import without_rise
from kohort.report.held_out import HeldOut
from kohort.report.replicates.needed_words import what_would_tell
from kohort.report.tested.beside_answer import by_chance
from kohort.report.tested.group_words import over_groups_text
from kohort.report.tested_scores import (
    TestScore,
    are_accuracies,
    by_thresholds,
    errors_text,
    without_intervals,
)
from kohort.report.winner_words import few_or_count

FIT_RULES = tuple(
    module.RULE.code for module in (overfit, gap, underfit, undertrained, slow, diverged)
)
"""Rules about how a variant's training went, in the order in which they are told."""
SHOWN_EFFECTS = 2
"""The most additions that the opening names."""
RARE_REST = 0.8
"""Where the most common class has this part of the samples or more, an accuracy says little."""
USUAL_REASONS = (
    "The usual reasons why nothing beats such an answer: inputs, or targets that are "
    "numbers, on scales that nothing in the model evens out; a learning rate or a number of epochs "
    "that does not fit; targets that the inputs do not tell."
)
"""Where to look where nothing is shown to have been learned."""
ALL_RIGHT = (
    "has every validation sample right: before you believe it, see whether an input gives the "
    "target away (`kohort data check`)."
)
"""What is said of such a winner."""


@dataclass(frozen=True)
class Fact:
    """One fact of the opening.

    Args:
        title: What it is about.
        text: The fact, in a sentence or a few.
    """

    title: str
    text: str


def headline(conclusions: Conclusions) -> str:
    """The winner, its score, and who is as good, in a sentence or two.

    Where no variant is shown to beat one answer for all samples, that comes first.
    """
    winner = conclusions.winner
    if winner is None:
        return winner_words.no_winner(conclusions.diverged)
    alike, common = tie(conclusions, winner), of_the_class(conclusions.record.settings)
    if alike:
        return " ".join(filter(None, [not_beaten(conclusions), alike, twins(conclusions), common]))
    ahead = left_ahead_text(conclusions, winner)
    scale, name = conclusions.study.scale, conclusions.record.variant_names[winner]
    told = winner_words.scores(
        name, what_it_did(conclusions, ahead), conclusions.score(winner), scale
    )
    passed = [c.a for c in conclusions.passed_over]
    standing = winner_words.whom_it_beats(name, _against_all(conclusions), scale, passed)
    worse = left_as_worse_text(conclusions, winner)
    parts = [not_beaten(conclusions), told, standing, worse, ahead, twins(conclusions)]
    parts += [of_no_use(conclusions), common]
    return " ".join(filter(None, parts))


def on_test_set(
    conclusions: Conclusions,
    scores: Sequence[TestScore],
    readings: int,
    tests: Sequence[HeldOut] = (),
) -> str:
    """How the winner's model to ship does on the test set, in a sentence; empty without one.

    Args:
        conclusions: Of the study.
        scores: On the test set, of the winner, then of the baseline.
        readings: How often the test set was read.
        tests: How right the two are; none where they give no classes.
    """
    if not scores or conclusions.winner is None:
        return ""
    scale = conclusions.study.scale
    times = "once" if readings == 1 else f"{readings} times"
    score = scale.score(scale.possible(scores[0].score))
    off = errors_text(scores[0])
    confidence = conclusions.record.settings.confidence
    against = ""
    if are_accuracies(tests, scores):
        against = against_majority_text(tests[0], confidence)
    told = (
        f"On the test set, read {times} and never to choose, the model of {scores[0].variant} to "
        f"ship has {scale.in_a_sentence} {score}{f'; {off}' * bool(off)}{against}."
    )
    lacks = without_intervals(scores[:1], scale.in_a_sentence)
    # Intervals are over groups, where there are any in these sentences.
    grouped = over_groups_text(scores[0].groups) if off or against or not lacks else ""
    return " ".join(
        filter(None, [told, *lacks, by_thresholds(scores[:1]), grouped, by_chance(tests)])
    )


def is_of_other_metrics(finding: Finding) -> bool:
    """Whether a rule about one answer for all samples does not apply: the metric is another's."""
    return finding.code in OPENS_THE_ANSWER and finding.verdict == "not applicable"


def facts(conclusions: Conclusions) -> list[Fact]:
    """What overfits, what helped, and what to do next."""
    told = [
        Fact("How training went", how_training_went(conclusions.findings)),
        Fact("What helped, and what did not", what_helped(conclusions)),
        Fact("What to do next", what_next(conclusions)),
    ]
    return [fact for fact in told if fact.text]


def how_training_went(findings: Sequence[Finding]) -> str:
    """Which variants over- or underfit, and what else the rules found in their curves."""
    of_variants = [f for f in findings if f.code in FIT_RULES and f.variant is not None]
    titles = {finding.code: finding.title for finding in of_variants}
    parts, undecided = [], dict[str, None]()
    for code in (code for code in FIT_RULES if code in titles):
        verdicts = words.by_verdict(of_variants, code)
        if "found" in verdicts:
            parts.append(f"{capital(titles[code])}: {few_or_count(verdicts['found'])}.")
        undecided |= dict.fromkeys(verdicts.get("inconclusive", ()))
    if parts:
        return " ".join(parts)
    found_none = "No variant is found to over- or underfit"
    if undecided:
        return f"{found_none}; these replicates leave it open for {few_or_count(list(undecided))}."
    return f"{found_none}."


def what_helped(conclusions: Conclusions) -> str:
    """What is decided to better the score, or to lessen late overfitting; else that nothing is.

    Additions to a variant come first; where none is decided, axes, if these replicates rank them;
    where there are none, the winner against the baseline.
    """
    if conclusions.winner is None or len(conclusions.record.variants) < 2:
        return ""
    families = conclusions.families
    told, effects = _additions(conclusions), conclusions.known_effects
    if not told and effects is not None and (_are_ranked(effects) or not families.additions):
        told = _axes(conclusions, effects)
    if told or families.additions:
        return told or "No addition to a variant is shown to make a difference that matters."
    step = next((c for c in families.baseline if c.b == conclusions.winner_name), None)
    if step is None or step.better != step.b:
        # One that lost replicates, or whose scores vary less than the winner's.
        shown = [c for c in families.baseline if c.better == c.b]
        step = max(shown, key=lambda c: abs(c.difference.mean), default=None)
    if step is None:
        return f"Nothing is shown to be better than {conclusions.record.settings.baseline}."
    return f"{_told(step, conclusions)}."


def _additions(conclusions: Conclusions) -> str:
    """The additions that are decided to matter; empty where none is."""
    families, scale = conclusions.families, conclusions.study.scale
    matters = [c for c in families.additions if c.is_decided and not c.is_equivalent]
    matters.sort(key=lambda c: -abs(c.difference.mean))
    texts = []
    for verb, is_good in (("Betters", True), ("Worsens", False)):
        decided = [c for c in matters if (c.better == c.b) is is_good]
        if decided:
            shown = "; ".join(_told(c, conclusions) for c in decided[:SHOWN_EFFECTS])
            more = len(decided) - SHOWN_EFFECTS
            others = f"; and {more} other{'s' * (more > 1)}" * (more > 0)
            texts.append(f"{verb} the {scale.metric}: {shown}{others}.")
    flat = without_rise(conclusions)
    helped = [c.b for c in families.rises if c not in flat and c.is_decided and c.better == c.b]
    if helped:
        texts.append(f"Against late overfitting: {few_or_count(helped)}.")
    return " ".join(texts)


def _are_ranked(effects: Effects) -> bool:
    """Whether it is known which axis matters most; also where there is one, or none matters."""
    return len(effects.ranges) < 2 or effects.most is not None or effects.none_matters


def _axes(conclusions: Conclusions, effects: Effects) -> str:
    """Which axis matters most, or what the only one does."""
    told = what_axes_do(conclusions)
    if len(effects.ranges) < 2:
        return told[0]
    if not _are_ranked(effects):
        if not effects.are_alike:
            return "Which axis matters most cannot be told: combinations of levels are missing."
        # How far each moves the score, as these replicates choose levels, is for who reads on.
        return "These replicates cannot tell which axis matters most."
    return told[len(effects.axes)]


def _told(comparison: Comparison, conclusions: Conclusions) -> str:
    difference = words.difference(comparison, conclusions.study.scale)
    return f"{comparison.b} {difference} against {comparison.a}"


def what_next(conclusions: Conclusions) -> str:
    """What to do next: more replicates where they are missing, steps that help, what is cheaper.

    Where the winner, the baseline or what the winner is not told from is undertrained, epochs come
    before replicates. Where no variant is shown to beat one answer for all samples, what may have
    kept them from learning comes first, and how many replicates would tell one from another is left
    out.
    """
    few, name = too_few_to_tell(conclusions), conclusions.winner_name
    if few or name is None:
        return few or "Lower the learning rate: no variant trained to the end."
    beats_none = bool(not_beaten(conclusions))
    majority = conclusions.study.majority
    is_rare = majority is not None and majority.share >= RARE_REST
    texts = [majority_rule.OF_RARE_CLASSES if is_rare else USUAL_REASONS] * beats_none
    texts += [f"{name} {ALL_RIGHT}"] * _is_all_right(conclusions)
    texts += [
        f"{_named(early, conclusions)} is undertrained (KH104): train it for more epochs first."
        for early in conclusions.undertrained
    ]
    replicates_tell = conclusions.race is None and not beats_none
    texts += [_of_early_rivals(conclusions)] * replicates_tell
    texts += [_steadier(conclusions)]
    texts += [
        f"{capital(step.step)} would help {name}."
        for step in conclusions.next_steps
        if step.verdict == "helps" and step.step != "more epochs"
    ]
    if cheaper := cheapest_text(conclusions):
        texts.append(f"{cheaper.removesuffix('.')}: `result.best(cheapest=True)`.")
    texts += [_more_replicates(conclusions)] * replicates_tell
    told = " ".join(filter(None, texts))
    if told:
        return told
    unknown = [step.step for step in conclusions.next_steps if step.verdict == "cannot tell"]
    if not unknown:
        return "Nothing that this study tried would help further."
    return f"The study cannot tell whether {shortlist(unknown, 'or')} would help {name}."


def _steadier(conclusions: Conclusions) -> str:
    """What may let one win that scored better than the winner, but diverged in some replicates."""
    losers = {name for name, *_ in conclusions.diverged}
    better = [c.a for c in conclusions.passed_over if c.a in losers and not c.is_equivalent]
    if not better:
        return ""
    it = "it" if len(better) == 1 else "each"
    return (
        f"Lower the learning rate of {few_or_count(better)}, or clip gradients (KH105): {it} "
        f"diverged in some replicates, and scored better than {conclusions.winner_name} in others."
    )


def _is_all_right(conclusions: Conclusions) -> bool:
    """Whether the winner has the class of every validation sample right, in every replicate."""
    assert conclusions.winner is not None
    errors = conclusions.study.errors[conclusions.winner]
    counts_answers = conclusions.study.majority is not None
    return counts_answers and bool((errors[np.isfinite(errors)] < ROUNDING).all())


def _named(name: str, conclusions: Conclusions) -> str:
    """A variant, with what it is called where it is the baseline and not the winner."""
    if name == conclusions.winner_name:
        return name
    return f"{capital(conclusions.record.settings.baseline)}, {name},"


def _early_rivals(conclusions: Conclusions) -> list[str]:
    """From whom the winner is not told, and who would still improve; not the baseline."""
    code, rivals = undertrained.RULE.code, conclusions.families.winner
    early = {f.variant for f in conclusions.findings if f.code == code and f.verdict == "found"}
    names = [c.a for c in rivals if c.difference.n and not c.is_conclusive]
    return [name for name in names if name in early and name not in conclusions.undertrained]


def _of_early_rivals(conclusions: Conclusions) -> str:
    names = _early_rivals(conclusions)
    if not names:
        return ""
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return (
        f"{few_or_count(names)}, from which {conclusions.winner_name} is not told, {verb} "
        f"undertrained (KH104): train {them} for more epochs first."
    )


def _more_replicates(conclusions: Conclusions) -> str:
    """What would tell the winner from others; of them as they are, where one is early."""
    told = what_would_tell(conclusions.study, _against_all(conclusions))
    is_early = bool(conclusions.undertrained or _early_rivals(conclusions))
    if not (told and is_early) or told.startswith(NO_MARGIN):
        return told
    return f"As they are trained now, {told[:1].lower()}{told[1:]}"


def _against_all(conclusions: Conclusions) -> list[Comparison]:
    """The winner (`b`) against each other variant with a score."""
    winner = conclusions.winner
    assert winner is not None
    names = conclusions.record.variant_names
    step = [c for c in conclusions.families.baseline if c.b == names[winner]]
    return [c for c in [*step, *conclusions.families.winner] if c.difference.n]
