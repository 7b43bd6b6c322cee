"""Writes what a race decided, look by look, in sentences."""

from collections.abc import Collection, Sequence

import numpy as np

from kohort.design.plan import NO_MARGIN
from kohort.findings.conclusions import Conclusions
from kohort.findings.judged import StudyCurves
from kohort.findings.names import shortlist
from kohort.findings.race import Look, RaceState

WORSE, DIVERGED, OPEN = "worse", "diverged", "open"
UNDECIDABLE, UNLIKELY = "undecidable", "unlikely"


def race_text(conclusions: Conclusions) -> list[str]:
    """A race in sentences: how it ended, each look, and what it trained; none without a race."""
    state = conclusions.race
    if state is None:
        return []
    looks = [look_text(conclusions.study, state, number) for number in range(len(state.looks))]
    return [how_it_ended(conclusions.study, state), *looks, spent_text(conclusions)]


def how_it_ended(study: StudyCurves, state: RaceState) -> str:
    """How a race ended, what is still open, and what was given up, in a few sentences."""
    if not state.looks:
        return "The race has not come to its first look."
    number, last = len(state.looks), state.looks[-1]
    where = f"look {number} of {len(state.sizes)}, after {last.replicates} replicates"
    if state.ends == "decided":
        lost = [
            study.variants[n].name for n, look in state.left.items() if look.verdicts[n] == DIVERGED
        ]
        but = f", but for {shortlist(lost)}, which left since training diverged" * bool(lost)
        ended = f"The race was decided at {where}{but}."
    elif state.ends == "diverged":
        ended = f"The race ended at {where}, since every variant diverged."
    elif state.ends in {UNDECIDABLE, UNLIKELY}:
        ended = f"The race ended undecided at {where}."
    elif state.ends is None:
        ended = f"The race has not ended: it is at {where}."
    else:
        names = shortlist(_names(study, last, OPEN))
        ended = f"The race ended undecided at its last look, {where}: {names} stayed open."
    return " ".join([ended, *_given_up(study, state)])


def _given_up(study: StudyCurves, state: RaceState) -> list[str]:
    """Which variants were given up, and what would decide them, in a sentence for each verdict."""
    texts = {
        UNDECIDABLE: (
            f"no number of {study.kind} of these data is likely to tell {{}} from the leader, "
            "since they share samples; more data, steadier training or a wider margin may"
        ),
        UNLIKELY: f"{state.sizes[-1]} replicates would hardly tell {{}} from the leader; more may",
    }
    told = []
    for which, text in texts.items():
        looks = {n: look for n, look in state.left.items() if look.verdicts[n] == which}
        if looks:
            sizes = sorted({look.replicates for look in looks.values()})
            seen = " or ".join(map(str, sizes))
            names = shortlist([study.variants[number].name for number in looks])
            told.append(
                f"At the difference and spread seen in {seen} replicates, {text.format(names)}."
            )
    return told


def how_it_left(state: RaceState, number: int) -> str:
    """How a variant left a race, in a few words; empty for the leader."""
    if not state.looks:
        return ""
    look = state.left.get(number, state.looks[-1])
    verdict = look.verdicts.get(number)
    return "" if verdict is None else f"{verdict}, look {state.looks.index(look) + 1}"


def left_as_worse(
    study: StudyCurves, state: RaceState, winner: int, untold: Collection[str]
) -> str:
    """Who left as worse than another leader than the winner, in a sentence; empty where nobody did.

    Args:
        study: The study's curves.
        state: Of the race.
        winner: The number of the winner.
        untold: The names of variants from which the winner is not told, of whom it is told.
    """
    left: dict[tuple[int, int], list[str]] = {}
    for number, look in state.left.items():
        name, leader = study.variants[number].name, look.leader
        is_worse = look.verdicts[number] == WORSE and leader is not None and leader != winner
        if is_worse and name in untold:
            assert leader is not None
            left.setdefault((state.looks.index(look) + 1, leader), []).append(name)
    told = [
        f"{shortlist(names)} left as worse than {study.variants[leader].name}, which led at look "
        f"{look}"
        for (look, leader), names in sorted(left.items())
    ]
    return f"{'; '.join(told)}." if told else ""


def look_text(study: StudyCurves, state: RaceState, number: int) -> str:
    """What a look decided, in a sentence.

    Args:
        study: The study's curves.
        state: Of the race.
        number: The number of the look, from 0.
    """
    look, amount = state.looks[number], study.scale.amount(study.margin)
    where = f"Look {number + 1} of {len(state.sizes)}, after {look.replicates} replicates"
    leader = "all diverged" if look.leader is None else f"{study.variants[look.leader].name} leads"
    texts = {
        WORSE: "{} left as worse",
        "equivalent": f"{{}} left as equally good within {amount}",
        UNDECIDABLE: f"{{}} left, since no number of {study.kind} is likely to decide",
        UNLIKELY: f"{{}} left, since {state.sizes[-1]} replicates would hardly decide",
        DIVERGED: "{} left, since training diverged",
        OPEN: "{} stayed open",
    }
    found = {verdict: _names(study, look, verdict) for verdict in texts}
    back = shortlist([study.variants[number].name for number in look.back])
    verb = "is" if len(look.back) == 1 else "are"
    returned = [f"{back} {verb} back, since the leader then diverged"] * bool(look.back)
    parts = [texts[verdict].format(shortlist(names)) for verdict, names in found.items() if names]
    return f"{where}: {'; '.join([leader, *returned, *parts])}."


def spent_text(conclusions: Conclusions) -> str:
    """How much of the fixed design a race trained, in a sentence; and what a margin of 0 means."""
    record = conclusions.record
    epochs = list(record.settings.epochs.values())
    trained, most = record.whole.trained.tolist(), record.settings.looks[-1]
    planned = sum(count * of_each for count, of_each in zip(trained, epochs, strict=True))
    every = sum(epochs) * most
    text = (
        f"It trained {sum(trained):,} of at most {len(trained) * most:,} members, "
        f"{planned:,} of {every:,} member epochs ({100 * planned / every:.0f} %)"
    )
    return f"{text}; {NO_MARGIN}." if conclusions.study.margin == 0 else f"{text}."


def _names(study: StudyCurves, look: Look, verdict: str) -> Sequence[str]:
    """The names of the variants with a verdict, the best first."""
    numbers = [number for number, found in look.verdicts.items() if found == verdict]
    errors = study.errors[numbers, : look.replicates]
    known = np.isfinite(errors)
    sums = np.where(known, errors, 0.0).sum(axis=1)
    means = np.where(known.any(axis=1), sums / np.maximum(1, known.sum(axis=1)), np.inf)
    return [study.variants[numbers[place]].name for place in np.argsort(means, kind="stable")]
