"""What a search did, in sentences: what it tried, what it saved, and how far it flattered."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kohort.design.searches.draws import trial_name
from kohort.design.variants import written
from kohort.errors import count
from kohort.evidence.given_values import evaluated, short
from kohort.evidence.settings import metric_name
from kohort.evidence.trials import SearchRecord, Trial, TrialState
from kohort.findings.conclusions import Conclusions
from kohort.findings.names import shortlist
from kohort.findings.statistics.scale import Scale
from kohort.report import words
from kohort.report.answers import score_table

LEAST_WEIGHED = 10
"""Trials with a score of which importances say anything."""


class Flattery(NamedTuple):
    """What a finalist scored in the search, and in its proof.

    Args:
        variant: Its name.
        searched: Its score in the search, on one split.
        epochs: The epochs after which it had that score.
        proved: Its mean score on splits and seeds that the search has not seen, of those replicates
            in which it did not diverge.
        low: The lower bound of the interval of that mean.
        high: The upper bound.
        replicates: How many replicates those are; in a race a finalist may leave before another.
        more: By how much the search's score is better, in the unit of the metric.
    """

    variant: str
    searched: float
    epochs: int
    proved: float
    low: float
    high: float
    replicates: int
    more: float


def flatteries(record: SearchRecord, conclusions: Conclusions) -> list[Flattery]:
    """How far the search flattered each finalist that was proved, the best of the proof first."""
    table = score_table(conclusions)
    trials = {trial_name(trial.number): trial for trial in record.trials}
    sign = 1 if record.higher_is_better else -1
    proved = table[f"val_{record.metric}"]
    sound = {curves.name: len(curves.sound) for curves in conclusions.study.variants}
    return [
        Flattery(
            str(name),
            trials[str(name)].score,
            trials[str(name)].epochs,
            float(proved[name]),
            float(table["low"][name]),
            float(table["high"][name]),
            sound[str(name)],
            _more(sign, trials[str(name)].score, float(proved[name]), conclusions.study.scale),
        )
        for name in table.index
        if np.isfinite(proved[name])
    ]


def _more(sign: int, searched: float, proved: float, scale: Scale) -> float:
    more = sign * (searched - proved)
    return 0.0 if abs(more) <= scale.rounding(float(scale.error(proved))) else more


def winner_text(record: SearchRecord, conclusions: Conclusions) -> str:
    """What the winner is, and what the search's own best was; empty without a winner."""
    if conclusions.winner_name is None:
        return ""
    trials = {trial_name(trial.number): trial for trial in record.trials}
    told = arguments_text(trials[conclusions.winner_name].arguments)
    picked = trial_name(record.finalists[0])
    is_same = conclusions.winner_name == picked
    return f"{conclusions.winner_name} is {told}." + (
        " It was the search's own best, too."
        if is_same
        else f" The search's own best was {picked}."
    )


def arguments_text(arguments: Mapping[str, Any]) -> str:
    """Arguments as they are written in code."""
    return ", ".join(f"{name}={_code(value)}" for name, value in arguments.items())


def _code(value: Any) -> str:
    """A value as it is written in code, whole; a function or an object by its name."""
    code = written(value)
    return short(code) if evaluated(code) == code else code


_NUMBERS = re.compile(r"[\d.,\s+e-]*\d[\d.,\s+e-]*")
"""Numbers with all that parts them, so that tuples of several lengths are of one kind."""
_BARE = re.compile(r"[-+]?\.?\d(?:.*\d)?", re.DOTALL)
"""The same without what stands before and behind them."""


def search_text(record: SearchRecord, conclusions: Conclusions) -> list[str]:
    """What the winner of a search is, and what the search did, in sentences."""
    winner = winner_text(record, conclusions)
    return [*([winner] if winner else []), *what_it_did(record, conclusions)]


def what_it_did(record: SearchRecord, conclusions: Conclusions) -> list[str]:
    """What a search tried and saved, and how far it flattered its finalists, in sentences."""
    return [*_tried(record), *_alike(record), *_flattered(record, conclusions), *_unweighed(record)]


def weighed(record: SearchRecord) -> list[str]:
    """Whose importance can be told: what all trials with a score drew from the same values.

    Names are Optuna's. None where `_why_unweighed` says why.
    """
    return [] if _why_unweighed(record) else _drawn_alike(record)


def untold(record: SearchRecord) -> list[str]:
    """Arguments that differ among trials with a score, and have no importance."""
    # Inside of a choice Optuna has the names of both.
    told = {part for name in weighed(record) for part in (name, name.rpartition(": ")[2])}
    given = [trial.arguments for trial in record.ranked()]
    names = dict.fromkeys(name for arguments in given for name in arguments)
    return [
        name
        for name in names
        if name not in told
        and len({repr(arguments[name]) if name in arguments else None for arguments in given}) > 1
    ]


def _drawn_alike(record: SearchRecord) -> list[str]:
    """What all trials with a score drew from the same values, and differ in."""
    asked = [trial.asked for trial in record.ranked() if trial.asked is not None]
    names = [name for name in asked[0].params if all(name in each.params for each in asked)]
    return [
        name
        for name in names
        if len({each.distributions.get(name) for each in asked}) == 1
        and len({repr(each.params[name]) for each in asked}) > 1
    ]


def _why_unweighed(record: SearchRecord) -> str:
    """Why no argument has an importance; empty where some have."""
    scored = record.ranked()
    if len(scored) < LEAST_WEIGHED:
        has = "has" if len(scored) == 1 else "have"
        return f"{count(len(scored), 'trial')} {has} a score, and it takes {LEAST_WEIGHED}"
    at_rungs = [{t.scores[rung] for t in scored if rung in t.scores} for rung in record.rungs]
    if all(len(scores) < 2 for scores in at_rungs):
        return "all trials score the same"
    alike = _drawn_alike(record)
    if not alike:
        return "none that all trials have, of the same values, differs among them"
    if len(alike) == 1:
        return f"{alike[0]} is the only one to weigh, and would get 100 % whatever it does"
    return ""


def _unweighed(record: SearchRecord) -> list[str]:
    """Why no argument has an importance, in a sentence."""
    why = _why_unweighed(record)
    return [f"Which arguments matter is not told: {why}."] if why else []


def _tried(record: SearchRecord) -> list[str]:
    states = Counter(trial.state for trial in record.trials)
    stopped = sum(trial.state == "finished" and _stopped(trial) for trial in record.trials)
    last = count(record.rungs[-1], "epoch")
    left = sorted({max(trial.scores) for trial in record.trials if trial.state == "left"})
    told: dict[TrialState, str] = {
        "finished": f"reached the last rung, {last} ({stopped} of them stopped earlier)"
        if stopped
        else f"trained to the last rung, {last}",
        "left": f"left at an earlier one ({', '.join(map(str, left))})",
        "diverged": "diverged",
        "failed": "could not be built or trained",
    }
    parts = [f"{states[state]} {text}" for state, text in told.items() if states[state]]
    tried = (
        f"It tried {count(len(record.trials), 'trial')} (sampler {record.sampler}): "
        f"{'; '.join(parts)}. {_trained(record)}"
    )
    if record.asked is not None:
        more = "the space, as the sampler draws from it, holds no more"
        tried += f" {count(record.asked, 'trial')} were asked for: {more}."
    reasons = [trial.reason for trial in record.trials if trial.reason]
    return [tried, _why(reasons)] if reasons else [tried]


def _alike(record: SearchRecord) -> list[str]:
    """In which arguments no trials differ, in a sentence: a tuple may be meant as choices."""
    first, *others = (trial.arguments for trial in record.trials)
    codes = [{name: written(value) for name, value in of_one.items()} for of_one in others]
    same = {n: v for n, v in first.items() if all(c.get(n) == written(v) for c in codes)}
    return [f"The same in all trials: {arguments_text(same)}."] if same else []


def _stopped(trial: Trial) -> bool:
    """Whether a callback, or NaN, ended a trial before a rung that it reached."""
    return trial.epochs < max(trial.scores, default=0)


def _trained(record: SearchRecord) -> str:
    """How many epochs a search trained, beside those that it would have taken without rungs."""
    trained, whole = record.member_epochs, record.whole_epochs
    if any(map(_stopped, record.trials)):  # Nobody knows where the others would have.
        return f"It trained {trained:,} epochs; all of them would have taken {whole:,} at most."
    share = 100 * trained / max(1, whole)
    return (
        f"It trained {trained:,} of the {whole:,} epochs that all of them would have taken, "
        f"{share:.0f} %."
    )


def kind_of(reason: str) -> str:
    """A reason without its numbers, in which reasons of one kind may differ."""
    return _NUMBERS.sub("#", reason)


def told_of_kind(reasons: Sequence[str]) -> str:
    """Reasons of one kind as one: the most frequent, and how often each of its numbers is there.

    Args:
        reasons: Of a trial each; they differ in their numbers at most.
    """
    counts = Counter(reasons)
    if len(counts) == 1:
        return reasons[0]
    (shown, often), *_ = counts.most_common()
    places = zip(*(map(_bare, _NUMBERS.findall(text)) for text in counts), strict=False)
    varying = [at for at in dict.fromkeys(places) if len(set(at)) > 1]
    if len(varying) != 1:
        return f"{shown} ({often:,} of {len(reasons):,}; the others differ from it in numbers)"
    of = dict(zip(counts, varying[0], strict=True))
    others = [(of[text], many) for text, many in counts.most_common()[1:]]
    told = [f"{of[shown]} in {count(often, 'trial')}", *(f"{n} in {many:,}" for n, many in others)]
    return f"{shown} ({shortlist(told)})"


def _bare(number: str) -> str:
    """A number, or several, without what stands before and behind."""
    found = _BARE.search(number)
    return found[0] if found else number


def _why(reasons: Sequence[str]) -> str:
    """Why trials failed, in a sentence: the most frequent kind of reason.

    Reasons that differ only in their numbers are of one kind.
    """
    kinds: dict[str, list[str]] = {}
    for reason in reasons:
        kinds.setdefault(kind_of(reason), []).append(reason)
    most, *others = sorted(kinds.values(), key=len, reverse=True)
    share = f", {len(most):,} of {len(reasons):,}" if others else ""
    more = f", and {count(len(others), 'other kind')} of reason" if others else ""
    return f"Why trials failed{share}: {told_of_kind(most)}{more}."


FLATTERED = "A number that was picked among many is flattered"


def _flattered(record: SearchRecord, conclusions: Conclusions) -> list[str]:
    found = flatteries(record, conclusions)
    if not found:
        return []
    scale, best = conclusions.study.scale, found[0]
    states = {trial_name(trial.number): trial.state for trial in record.trials}
    name = metric_name(record.metric)
    interval = ""
    if np.isfinite(best.low):
        interval = f" ({words.value(best.low, scale)} to {words.value(best.high, scale)})"
    left = states[best.variant] != "finished"
    after = f" after {count(best.epochs, 'epoch')}" if left else ""
    apart = _apart(best.more, scale)
    why = f"{FLATTERED}, and one split is" if apart and best.more > 0 else "One split is"
    of_best = (
        f"On its own split the search gave {best.variant} the {name} "
        f"{words.value(best.searched, scale)}{after}; on splits and under seeds that it has not "
        f"seen it has {words.value(best.proved, scale)}{interval}. The search's number is "
        f"{apart or 'the same'}. {why} easier or harder than others: only "
        "the proved number counts."
    )
    # What is left of one that diverged is its luckier replicates.
    lost = {name: f"has no score in {n} of {of}" for name, n, of in conclusions.without_score}
    lost |= {name: f"diverged in {often} of {of}" for name, often, of in conclusions.diverged}
    partly = [
        f"{each.variant} {lost[each.variant]} replicates of its proof: its proved number is of the "
        "others alone."
        for each in found
        if each.variant in lost
    ]
    whole = [
        each.more
        for each in found
        if states[each.variant] == "finished" and each.variant not in lost
    ]
    of_all = [_on_average(whole, scale, but_diverged=bool(partly))] if len(whole) > 1 else []
    return [of_best, *partly, *of_all]


def _on_average(more: Sequence[float], scale: Scale, *, but_diverged: bool) -> str:
    """How far the search's numbers of several finalists are from the proved ones."""
    apart = _apart(float(np.mean(more)), scale)
    stand = f"{apart} on average than the proved ones" if apart else "on average the proved ones"
    sound = " and that did not diverge" if but_diverged else ""
    return (
        f"Over the {len(more)} finalists that the search trained whole{sound} its numbers are "
        f"{stand}."
    )


def _apart(more: float, scale: Scale) -> str:
    """How far numbers are apart, and which way; empty where nothing is seen of it."""
    gap = words.gap(abs(more), scale)
    if gap == words.gap(0.0, scale):
        return ""
    return f"{gap} {'better' if more > 0 else 'worse'}"
