"""Judges whether more data, a bigger model, more regularisation or more epochs would help."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kohort.findings.choice import passed_over
from kohort.findings.families import families
from kohort.findings.finding import Finding
from kohort.findings.judged import StudyCurves, VariantCurves
from kohort.findings.names import shortlist
from kohort.findings.outlook import outlook_of
from kohort.findings.rules import gap, overfit, undertrained
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.learning_curve import GainVerdict, LearningCurve

LARGER = 1.25
"""So many times the winner's weights make a bigger model; a layer that normalises adds a few."""


@dataclass(frozen=True)
class NextStep:
    """Whether one next step would help the winner.

    Args:
        step: "more data", "a bigger model", "more regularisation" or "more epochs".
        verdict: "helps", "does not help" or "cannot tell".
        sentence: The evidence in words.
    """

    step: str
    verdict: GainVerdict
    sentence: str


def next_steps(
    study: StudyCurves,
    winner: int,
    findings: Sequence[Finding],
    learning_curves: Mapping[int, LearningCurve],
) -> list[NextStep]:
    """Judge from the evidence of the study alone; "cannot tell" if there is none.

    More epochs come last, but first where `undertrained_of` names a variant.

    Args:
        study: The curves.
        winner: The number of the winner.
        findings: The findings of the study.
        learning_curves: By variant number, for variants that also trained on parts of the samples.
    """
    name = study.variants[winner].name
    of_winner = {finding.code: finding for finding in findings if finding.variant == name}
    compared = families(study)
    against = {c.a: c for c in [*compared.baseline, *compared.winner] if c.b == name}
    epochs = _more_epochs(study, winner, of_winner[undertrained.RULE.code])
    others = [
        _more_data(study, winner, of_winner[gap.RULE.code], against, learning_curves),
        _bigger_model(study, winner, against),
        _more_regularisation(study, winner, of_winner, against, epochs.verdict),
    ]
    early = undertrained_of(study, winner, findings)
    if not early:
        return [*others, epochs]
    if name not in early:
        but = f" But {early[0]}, with which all others are compared, is undertrained."
        epochs = replace(epochs, sentence=epochs.sentence + but)
    return [epochs, *others]


def undertrained_of(study: StudyCurves, winner: int, findings: Sequence[Finding]) -> list[str]:
    """Which of the winner and the baseline are found undertrained: there epochs come first.

    A model that still improves is compared at a moment that says little of where it ends, in
    however many replicates.

    Args:
        study: The curves.
        winner: The number of the winner.
        findings: The findings of the study.
    """
    found = {
        finding.variant
        for finding in findings
        if finding.code == undertrained.RULE.code and finding.verdict == "found"
    }
    names = dict.fromkeys(study.variants[number].name for number in (winner, 0))
    return [name for name in names if name in found]


def _more_data(
    study: StudyCurves,
    winner: int,
    gap_found: Finding,
    against: Mapping[str, Comparison],
    learning_curves: Mapping[int, LearningCurve],
) -> NextStep:
    step, name, whose = "more data", study.variants[winner].name, ""
    curve = learning_curves.get(winner)
    for number, other in learning_curves.items():
        rival = study.variants[number].name
        if curve is None and rival in against and against[rival].is_equivalent:
            # The winner has no curve, but an equivalent variant has one.
            curve, whose, name = other, f", which is as good as {name},", rival
    if curve is None:
        mend = "train that alone, in a study with sizes" if study.looks else "give it sizes"
        sentence = f"The study has no learning curve of {name}; {mend}."
        if gap_found.verdict == "found":
            sentence += " Its generalisation gap is room that more data may close."
        return NextStep(step, "cannot tell", sentence)
    most = f"{int(curve.samples[-1]):,}"
    if curve.law is None:
        return NextStep(step, "cannot tell", f"{_capital(curve.reason)}.")
    metric, gain = study.scale.metric, curve.gain
    better = f"better the {metric} of {name}{whose} by "
    better += study.scale.text(gain, thresholds=(study.margin,))
    if curve.verdict == "cannot tell" and gain.low < 0 < gain.high:
        change = study.scale.worse(gain.negated(), -study.margin)
        better = f"make the {metric} of {name}{whose} {change}"
    law = f"the power law that fits {len(curve.samples)} sizes"
    sentence = f"Twice the {most} samples would {better}, if {law} goes on"
    return NextStep(step, curve.verdict, f"{sentence}{f'; {curve.reason}' * bool(curve.reason)}.")


def _bigger_model(study: StudyCurves, winner: int, against: Mapping[str, Comparison]) -> NextStep:
    step, model = "a bigger model", study.variants[winner]
    least = LARGER * model.parameters
    larger = [c.name for c in study.variants if c.parameters >= max(1, least) and len(c.sound)]
    if not larger:
        more = any(c.parameters > model.parameters for c in study.variants)
        kind = "much larger" if more else "larger"
        return NextStep(step, "cannot tell", f"No variant is {kind} than {model.name}; try one.")
    return _from_rivals(step, study, winner, "larger", larger, against)


def _more_regularisation(
    study: StudyCurves,
    winner: int,
    of_winner: Mapping[str, Finding],
    against: Mapping[str, Comparison],
    more_epochs: GainVerdict,
) -> NextStep:
    step, curves = "more regularisation", study.variants[winner]
    regularizer_count = {c.name: c.regularizer_count for c in study.variants}
    added = [
        c.b
        for c in families(study).additions
        if c.a == curves.name
        and c.difference.n
        and regularizer_count[c.b] > curves.regularizer_count
    ]
    if added:
        return _from_rivals(step, study, winner, "regularised", added, against)
    if {of_winner[code].verdict for code in (overfit.RULE.code, gap.RULE.code)} == {"not found"}:
        sentence = f"{curves.name} neither overfits nor has a generalisation gap to close"
        if more_epochs == "does not help":
            return NextStep(step, "does not help", f"{sentence}.")
        but = "but whether it would after more epochs the study cannot tell"
        return NextStep(step, "cannot tell", f"{sentence}, {but}.")
    sentence = f"No variant is {curves.name} with a regulariser more; try one."
    return NextStep(step, "cannot tell", sentence)


def _from_rivals(
    step: str,
    study: StudyCurves,
    winner: int,
    kind: str,
    rivals: Sequence[str],
    against: Mapping[str, Comparison],
) -> NextStep:
    """Judge a step by variants that take it; it does not help if all are worse or equivalent."""
    name = study.variants[winner].name
    passed = {c.a for c in passed_over(study, winner) if not c.is_equivalent}
    better = [
        rival
        for rival in rivals
        if rival in against and (against[rival].better == rival or rival in passed)
    ]
    if better:
        where = "where they trained to the end, and diverged elsewhere"
        unsure = [rival for rival in better if not against[rival].is_decided]
        whose = f"for {shortlist(unsure)} " * (len(unsure) < len(better))
        but = f"; {whose}that is not decided" * bool(unsure)
        sentence = f"The {kind} {shortlist(better)} scored better than {name} {where}{but}."
        return NextStep(step, "cannot tell", sentence)
    undecided = [
        rival
        for rival in rivals
        if rival not in against
        or not (against[rival].better == name or against[rival].is_equivalent)
    ]
    if undecided:
        sentence = f"The study cannot tell {name} from the {kind} {shortlist(undecided, 'or')}."
        return NextStep(step, "cannot tell", sentence)
    verb = "does" if len(rivals) == 1 else "do"
    sentence = f"The {kind} {shortlist(rivals, 'or')} {verb} no better than {name}."
    return NextStep(step, "does not help", sentence)


def _more_epochs(study: StudyCurves, winner: int, found: Finding) -> NextStep:
    curves = study.variants[winner]
    verdicts: dict[str, GainVerdict] = {"found": "helps", "not found": "does not help"}
    verdict, sentence = verdicts.get(found.verdict, "cannot tell"), found.sentence
    if (curves.lengths[curves.sound] < (curves.planned_epochs or 0)).all():
        # Early stopping ended all of them, since they no longer improved.
        verdict = "does not help"
    elif verdict == "does not help" and _would_score_better(curves, study):
        sentence += (
            " Models are read at the epoch of lowest validation loss: what the "
            f"{study.scale.metric} gains after it does not count."
        )
    return NextStep("more epochs", verdict, sentence)


def _would_score_better(curves: VariantCurves, study: StudyCurves) -> bool:
    """Whether the score, which is another value than the loss, seems to gain in more epochs."""
    if study.scale.metric == "loss" or curves.epochs < 2 or len(curves.sound) < 2:
        return False
    if undertrained.nothing_left(curves, study) is not None:
        return False
    return outlook_of(curves, study).valid_error.most > study.margin


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
