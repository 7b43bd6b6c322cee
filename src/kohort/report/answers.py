"""Writes what a study found as a table and sentences, for notebooks, terminals and pages."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kohort.design.searches.draws import is_trial
from kohort.errors import count
from kohort.evidence.given_values import columns, short
from kohort.evidence.record import StudyRecord
from kohort.findings.conclusions import Conclusions
from kohort.findings.diagnosis import verdict
from kohort.findings.finding import FEWEST, Finding
from kohort.findings.names import capital, shortlist
from kohort.findings.rules import leak
from kohort.findings.rules import majority as majority_rule
from kohort.findings.rules.references import constant as constant_rule
from kohort.findings.statistics.interval import ROUNDING
from kohort.report import winner_words
from kohort.report.class_words import (
    not_beaten,
    of_no_use,
    of_the_class,
    reference_row,
)
from kohort.report.classes.recall_table import balanced_columns
from kohort.report.factorial import effect_words
from kohort.report.flattery import flattery
from kohort.report.race.race_notes import over_what
from kohort.report.race.race_words import (
    UNDECIDABLE,
    UNLIKELY,
    how_it_ended,
    how_it_left,
    left_as_worse,
)

OPENS_THE_ANSWER = (majority_rule.RULE.code, constant_rule.RULE.code)
"""Rules about the study whose findings open the answer."""


def score_table(conclusions: Conclusions) -> pd.DataFrame:
    """A row for each variant, best score first; for the columns see `Result.table`."""
    rows = [_row(conclusions, number) for number in range(len(conclusions.record.variants))]
    table = pd.DataFrame(rows).astype({"best_epoch": "Int64"})
    table = table.assign(**_differing_arguments(conclusions, table.columns)).set_index("variant")
    return table.iloc[conclusions.ranking]


def _of_race(conclusions: Conclusions, number: int) -> dict[str, Any]:
    """How many replicates a variant trained in a race, and how it left; empty without a race."""
    state = conclusions.race
    if state is None:
        return {}
    return {
        "replicates": conclusions.study.variants[number].trained,
        "left": how_it_left(state, number),
    }


def _differing_arguments(conclusions: Conclusions, taken: Collection[str]) -> dict[str, pd.Series]:
    """The arguments that differ between variants, as columns by variant number.

    Args:
        conclusions: Of the study.
        taken: Names of other columns.
    """
    variants = conclusions.record.variants
    values = [{**variant.defaults, **variant.arguments} for variant in variants]
    names = dict.fromkeys(name for variant in variants for name in variant.arguments)
    differing = [n for n in names if len({of_variant.get(n) for of_variant in values}) > 1]
    return columns([{n: v[n] for n in differing if n in v} for v in values], taken)


def trial_arguments(record: StudyRecord) -> dict[str, str]:
    """The arguments of trials in short, by the names of these, which tell none of them."""
    return {
        variant.name: ", ".join(f"{name}={short(code)}" for name, code in variant.arguments.items())
        for variant in record.variants
        if is_trial(variant.name)
    }


def table_with_reference(conclusions: Conclusions) -> pd.DataFrame:
    """The score table, and below it what one answer for all samples scores, where that is known."""
    table, row = score_table(conclusions), reference_row(conclusions)
    if row is None:
        return table
    reference = pd.DataFrame([row]).set_index("variant").astype({"best_epoch": "Int64"})
    if "left" in row:
        table, reference = (part.astype({"replicates": "Int64"}) for part in (table, reference))
    return pd.concat([table, reference])


def answer(conclusions: Conclusions, *, warns: bool = True) -> str:
    """The result in a few sentences: the winner, and variants not decided to be worse.

    Where no variant is shown to beat one answer for all samples, that comes first. Where all
    score the same, that is said in place of who wins.

    Args:
        conclusions: Of the study.
        warns: Whether it tells what makes scores other than they seem, as a page's opening does.
    """
    winner = conclusions.winner
    if winner is None:
        return winner_words.no_winner(conclusions.diverged)
    ahead = left_ahead_text(conclusions, winner)
    found = tie(conclusions, winner) or winner_words.answer(
        conclusions.record.variant_names[winner],
        conclusions.score(winner),
        conclusions.study.scale,
        conclusions.families.winner,
        conclusions.families.baseline,
        conclusions.diverged,
        what_it_did(conclusions, ahead),
        conclusions.record.settings.baseline,
        [c.a for c in conclusions.passed_over],
    )
    state = conclusions.race
    ended = "" if state is None else how_it_ended(conclusions.study, state)
    parts = [not_beaten(conclusions), found, left_as_worse_text(conclusions, winner), ahead]
    parts += warnings(conclusions, conclusions.findings) if warns else []
    parts += [twins(conclusions), cheapest_text(conclusions)]
    parts += [of_no_use(conclusions), over_what(conclusions), ended, too_few_to_tell(conclusions)]
    parts.append(of_the_class(conclusions.record.settings))
    return " ".join(filter(None, parts))


def warnings(conclusions: Conclusions, findings: Sequence[Finding]) -> list[str]:
    """What makes the scores of the study as a whole other than they seem, a sentence or two each.

    That is what was found about it, but for what opens the answer; and which columns may number
    groups that splits part, where no copies are found.

    Args:
        conclusions: Of the study.
        findings: Those about the study; those about the test set among them, or not.
    """
    found = [f for f in findings if f.variant is None and f.verdict == "found"]
    told = [
        f"{capital(finding.title)} ({finding.code}): {finding.sentence}"
        for finding in found
        if finding.code not in OPENS_THE_ANSWER
    ]
    if any(finding.code == leak.RULE.code for finding in found):
        return told
    return [*told, *filter(None, [leak.may_be_grouped(conclusions.study.overlap)])]


def too_few_to_tell(conclusions: Conclusions) -> str:
    """That replicates are too few to tell anything, in a sentence; empty where they are not."""
    trained = max(curves.trained for curves in conclusions.study.variants)
    if trained >= FEWEST:
        return ""
    return (
        f"{count(trained, 'replicate')} can tell little: run at least {FEWEST}, better 5 or more."
    )


def what_it_did(conclusions: Conclusions, ahead: str) -> str:
    """What the winner did, for a sentence that goes on with its score.

    Args:
        conclusions: Of the study.
        ahead: From `left_ahead_text`.
    """
    if len(conclusions.record.variants) == 1:
        return "scores on validation data"
    if ahead:
        return "stood to the end of the race"
    level = _level(conclusions)
    told = f", level with {winner_words.few_or_count(level)}" if level else ""
    among = " among the variants that lost no replicate" * bool(conclusions.passed_over)
    return f"does best on validation data{among}{told}"


def _level(conclusions: Conclusions) -> list[str]:
    """The other variants whose mean score is the winner's, over the same replicates."""
    means, winner = conclusions.mean_errors, conclusions.winner
    assert winner is not None
    near = conclusions.study.scale.rounding(float(means[winner]))
    have = np.isfinite(conclusions.study.errors)
    # Of who left a race early, an equal mean is one of fewer replicates: of others.
    is_level = (np.abs(means - means[winner]) <= near) & (have == have[winner]).all(axis=1)
    names = conclusions.record.variant_names
    return [names[n] for n in np.flatnonzero(is_level) if n != winner]


def left_ahead_text(conclusions: Conclusions, winner: int) -> str:
    """That variants left the race ahead of its winner, in a sentence; empty where none did."""
    ahead = _left_ahead(conclusions, winner)
    if not ahead:
        return ""
    return (
        f"In the replicates that both trained, {shortlist(ahead)} scored better, and left the "
        "race undecided: nothing here says that the winner is the better one."
    )


def left_as_worse_text(conclusions: Conclusions, winner: int) -> str:
    """Of those from which the winner is not told, who left as worse than an earlier leader.

    That the two cannot be told apart would else seem to say that nothing was found of them.
    """
    if conclusions.race is None:
        return ""
    untold = [c.a for c in conclusions.families.winner if not c.is_conclusive]
    return left_as_worse(conclusions.study, conclusions.race, winner, untold)


def _left_ahead(conclusions: Conclusions, winner: int) -> list[str]:
    """The variants that left a race undecided, and scored better than the winner until then."""
    state = conclusions.race
    undecided = {} if state is None else state.left
    names = []
    for number, look in undecided.items():
        # The one comparison that tables and findings tell: another choice of epochs may differ.
        compared = conclusions.compare(winner, number)
        seen = compared.difference.mean * (1 if compared.higher_is_better else -1)
        if look.verdicts[number] in {UNDECIDABLE, UNLIKELY} and seen > 0:
            names.append(compared.b)
    return names


def tie(conclusions: Conclusions, winner: int) -> str:
    """That all variants score the same in every replicate, in a sentence; empty if they do not."""
    errors, scale = conclusions.study.errors, conclusions.study.scale
    scored = errors[np.isfinite(errors).any(axis=1)]
    if (np.isfinite(scored) != np.isfinite(errors[winner])).any():
        return ""  # by their tables they do not score the same: each is over replicates of its own
    apart = np.abs(scored - errors[winner])
    near = scale.rounding(float(conclusions.mean_errors[winner]))
    if len(scored) < 2 or np.nanmax(apart) > near:
        return ""
    who = "All variants" + " that trained to the end" * (len(scored) < len(errors))
    what = scale.score(conclusions.score(winner))
    same = f"{who} score the same in every replicate: {scale.title} {what}."
    diverged = conclusions.diverged
    return " ".join([same] + [winner_words.divergence(diverged)] * bool(diverged))


def twins(conclusions: Conclusions) -> str:
    """Which variants are one model by several names, as it seems, in a sentence; empty without."""
    alike: dict[bytes, list[str]] = {}
    for curves in conclusions.study.variants:
        if len(curves.sound) > 1:
            alike.setdefault(curves.valid_loss.tobytes(), []).append(curves.name)
    equal = [names for names in alike.values() if len(names) > 1]
    if not equal:
        return ""
    more = f" (as have {count(len(equal) - 1, 'other group')})" * (len(equal) > 1)
    return (
        f"{shortlist(equal[0])} have the same losses in every epoch{more}: they seem to be equal."
    )


def cheapest_text(conclusions: Conclusions) -> str:
    """Which variant is as good as the winner and smaller, in a sentence; empty without one."""
    number, winner, study = conclusions.cheapest, conclusions.winner, conclusions.study
    if number is None or winner is None:
        return ""
    small, large = study.variants[number], study.variants[winner]
    return winner_words.cheaper(
        small.name, large.parameters / small.parameters, study.margin, study.scale
    )


def what_axes_do(conclusions: Conclusions) -> list[str]:
    """What each axis of the study does, in sentences; none where the variants have no axes."""
    effects = conclusions.known_effects
    if effects is None:
        return []
    return effect_words.what_axes_do(effects, conclusions.study.scale)


def winners_flattery(conclusions: Conclusions) -> str:
    """How optimistic the winner's score is, because it was chosen by it, in sentences."""
    study = conclusions.study
    scored = int(np.isfinite(conclusions.mean_errors).sum())
    names = conclusions.record.variant_names
    return flattery(conclusions.optimism, study.scale, names, scored, study.kind)


def _row(conclusions: Conclusions, number: int) -> dict[str, Any]:
    record, curves = conclusions.record, conclusions.study.variants[number]
    metric, facts = record.settings.metric, record.variants[number]
    valid, train = conclusions.score(number), conclusions.score(number, "eval_")
    worse = train.mean - valid.mean
    if abs(worse) <= ROUNDING * abs(valid.mean):
        worse = 0.0
    seconds = sum(spent for (variant, _), spent in record.seconds.items() if variant == number)
    return {
        "variant": facts.name,
        f"val_{metric}": valid.mean,
        "low": valid.low,
        "high": valid.high,
        f"train_{metric}": train.mean,
        "gap": worse if conclusions.study.scale.higher_is_better else -worse,
        **balanced_columns(conclusions, number),
        "best_epoch": curves.best + 1 if len(curves.sound) else pd.NA,
        "parameters": facts.parameters,
        "weights_megabytes": facts.weights_megabytes,
        "seconds": seconds,
        "seconds_per_epoch": seconds / max(1, record.whole.lengths[number].sum()),
        **_of_race(conclusions, number),
        "verdict": verdict(
            [f for f in conclusions.findings if f.variant == facts.name], curves.trained
        ),
    }
