"""Writes whether verdicts turn on clean data, as sentences and rows."""

from typing import NamedTuple

from kohort.findings.cleaned.turning import Outcome, Turn, Turning
from kohort.findings.names import shortlist
from kohort.findings.statistics.comparison import Comparison
from kohort.findings.statistics.scale import Scale
from kohort.report import words

_TOLD: dict[Outcome, str] = {
    "turns": "turns",
    "same": "the same",
    "apart": "decided otherwise, no turn",
    "raw alone": "decided on raw alone",
    "clean alone": "decided on clean alone",
    "open": "undecided on both",
}


class TurnRow(NamedTuple):
    """A pair of variants in the table; differences are `variant` less `against`."""

    variant: str
    against: str
    raw: str
    raw_verdict: str
    clean: str
    clean_verdict: str
    change: str
    outcome: str


class ShownTurns(NamedTuple):
    """What a report shows of raw and clean data."""

    sentences: list[str]
    rows: list[TurnRow]


def turn_rows(turning: Turning, scale: Scale) -> list[TurnRow]:
    """A row for each pair."""
    return [
        TurnRow(
            turn.raw.b,
            turn.raw.a,
            words.difference(turn.raw, scale),
            _verdict(turn.raw),
            words.difference(turn.clean, scale),
            _verdict(turn.clean),
            words.difference(turn.change, scale, most=2.0),
            _TOLD[turn.outcome],
        )
        for turn in turning.turns
    ]


def turn_sentences(turning: Turning, scale: Scale) -> list[str]:
    """Whether a verdict turns, first in a sentence, and then why."""
    told = [_headline(turning), _winners(turning), *map(_contradiction, turning.of("turns"))]
    told += [*map(_apart, turning.of("apart")), *_one_sided(turning, scale)]
    told += [
        f"{turn.raw.title.capitalize()} ({turn.raw.code}"
        + (f") of {turn.raw.variant}" if turn.raw.variant else ")")
        + f" is {turn.raw.verdict} on the raw data, and {turn.clean.verdict} on the clean ones."
        for turn in turning.findings
    ]
    (train, valid), (clean_train, clean_valid) = turning.samples
    told.append(
        f"In each replicate {clean_train:,} of {train:,} samples train, and {clean_valid:,} of "
        f"{valid:,} validate. Each study is judged on its own samples and labels: their verdicts "
        "are compared here, not their scores."
    )
    return [sentence for sentence in told if sentence]


def _headline(turning: Turning) -> str:
    turned, same, pairs = turning.of("turns"), turning.of("same"), len(turning.turns)
    both = len(same) + len(turning.of("apart"))
    if turned:
        few = "A verdict turns" if len(turned) == 1 else f"{len(turned)} verdicts turn"
        return f"{few} where the data are cleaned, of {_count(pairs)}."
    if not both:
        return (
            f"No verdict turns where the data are cleaned; but none of {_count(pairs)} is decided "
            "on both, so none could be seen to."
        )
    return (
        f"No verdict turns where the data are cleaned: of {_count(pairs)} {both} "
        f"{'is' if both == 1 else 'are'} decided on both, "
        f"{'and alike' if both == len(same) else f'{len(same)} alike'}."
    )


def _count(pairs: int) -> str:
    return "1 comparison" if pairs == 1 else f"{pairs} comparisons"


def _winners(turning: Turning) -> str:
    raw, clean = turning.raw_winner, turning.clean_winner
    if raw is None or clean is None:
        missing = [on for on, name in (("raw", raw), ("clean", clean)) if name is None]
        return f"On the {' and the '.join(missing)} data no variant trained to the end."
    if raw == clean:
        return f"{raw} is the winner on both."
    told = f"{raw} is the winner on the raw data, {clean} on the clean ones"
    (turn,) = (t for t in turning.turns if {t.raw.a, t.raw.b} == {raw, clean})
    if turn.outcome == "turns":
        return f"{told}."
    return f"{told}; between these two {_between(turn)}."


def _between(turn: Turn) -> str:
    if turn.outcome == "open":
        return "neither decides"
    if turn.outcome == "same":
        return f"both say: {_verdict(turn.raw)}"
    if turn.outcome == "apart":
        return f"the raw data say: {_verdict(turn.raw)}, the clean ones: {_verdict(turn.clean)}"
    decided, on = (turn.raw, "raw") if turn.outcome == "raw alone" else (turn.clean, "clean")
    return f"the {on} data alone decide ({_verdict(decided)})"


def _contradiction(turn: Turn) -> str:
    return (
        f"{turn.raw.b} against {turn.raw.a}: on the raw data {_verdict(turn.raw)}, on the clean "
        f"ones {_verdict(turn.clean)}."
    )


def _apart(turn: Turn) -> str:
    return f"{_contradiction(turn)} Both may hold of one difference, so this is no turn."


def _one_sided(turning: Turning, scale: Scale) -> list[str]:
    """What is decided on one of the two alone, which is no turn."""
    told = []
    for outcome, on in (("raw alone", "raw"), ("clean alone", "clean")):
        pairs = [turn for turn in turning.turns if turn.outcome == outcome]
        if pairs:
            named = shortlist([f"{turn.raw.b} against {turn.raw.a}" for turn in pairs])
            told.append(f"Decided on the {on} data alone, which is no turn: {named}.")
    changed = [turn for turn in turning.turns if turn.change.is_decided]
    told += [
        f"{turn.raw.b} less {turn.raw.a} changes by "
        f"{words.difference(turn.change, scale, most=2.0)}, decided."
        for turn in changed
    ]
    if told and not changed:
        told.append("No difference between variants is shown to change.")
    return told


def _verdict(comparison: Comparison) -> str:
    """The verdict of a comparison, with the name of the better one."""
    if comparison.better is None:
        return words.verdict_word(comparison)
    return f"{comparison.better} is better{words.LITTLE * comparison.is_equivalent}"
