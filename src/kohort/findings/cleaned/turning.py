"""Whether verdicts turn where the same study is run on raw and on clean data."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from kohort.findings.conclusions import Conclusions
from kohort.findings.finding import Finding
from kohort.findings.paired.differences import rounding_of
from kohort.findings.statistics.comparison import Comparison, compare, correct

type Outcome = Literal["turns", "same", "apart", "raw alone", "clean alone", "open"]


@dataclass(frozen=True)
class Turn:
    """Two variants, compared on raw and on clean data.

    Args:
        raw: The paired difference of their scores on the raw data, `b - a`.
        clean: That on the clean data.
        change: The paired difference of the two, clean less raw, replicate by replicate;
            corrected over all pairs.
    """

    raw: Comparison
    clean: Comparison
    change: Comparison

    @property
    def outcome(self) -> Outcome:
        """Whether the verdict turns.

        "turns": both are decided, and contradict each other: another variant is better, or one
        is better by more than the margin, by its whole interval, where the other finds no
        difference of practical interest. "same": both are decided alike. "apart": one finds a
        difference, which it does not show to be above the margin, and the other that there is none
        of practical interest; both may hold of one difference. "raw alone", "clean alone": one is
        decided and the other is not, which shows no difference between the two. "open": neither
        is decided.
        """
        of_raw, of_clean = self.raw.is_conclusive, self.clean.is_conclusive
        if not (of_raw and of_clean):
            alone: Outcome = "raw alone" if of_raw else "clean alone"
            return alone if of_raw or of_clean else "open"
        if self.raw.better and self.clean.better:
            return "same" if self.raw.better == self.clean.better else "turns"
        if self.raw.is_equivalent and self.clean.is_equivalent:
            return "same"
        (matters,) = (c for c in (self.raw, self.clean) if not c.is_equivalent)
        found = matters.difference
        is_beyond = found.lies_above(matters.margin) or found.high < -matters.margin
        return "turns" if is_beyond else "apart"


@dataclass(frozen=True)
class FindingTurn:
    """A finding that is found on one of the data sets, and not found on the other."""

    raw: Finding
    clean: Finding


@dataclass(frozen=True)
class Turning:
    """What cleaning the data changes in the verdicts of a study.

    Args:
        raw_winner: The variant of the best score on the raw data; None where there is none.
        clean_winner: That on the clean data.
        turns: Each variant against the baseline, then against the winners.
        findings: Findings that turn.
        samples: Training and validation samples of a replicate, raw and then clean.
    """

    raw_winner: str | None
    clean_winner: str | None
    turns: list[Turn] = field(repr=False)
    findings: list[FindingTurn] = field(repr=False)
    samples: tuple[tuple[int, int], tuple[int, int]]

    def of(self, outcome: Outcome) -> list[Turn]:
        """The pairs of one outcome."""
        return [turn for turn in self.turns if turn.outcome == outcome]


def turning(raw: Conclusions, clean: Conclusions) -> Turning:
    """Compare the verdicts of one study on two data sets, which has the same replicates on both.

    Args:
        raw: Its conclusions from the raw data.
        clean: Its conclusions from the clean data.
    """
    pairs = [
        (raw.compare(*pair), clean.compare(*pair), _change(raw, clean, *pair))
        for pair in _pairs(raw, clean)
    ]
    changes = correct([change for *_, change in pairs])
    return Turning(
        raw.winner_name,
        clean.winner_name,
        [Turn(a, b, change) for (a, b, _), change in zip(pairs, changes, strict=True)],
        list(_turned(raw.findings, clean.findings)),
        (raw.record.settings.samples, clean.record.settings.samples),
    )


def _pairs(raw: Conclusions, clean: Conclusions) -> list[tuple[int, int]]:
    """Pairs of variant numbers, each once: with the baseline, and with the winners."""
    numbers = range(len(raw.record.variants))
    winners = [w for w in (raw.winner, clean.winner) if w is not None]
    pairs = [(one, other) for one in (0, *winners) for other in numbers if one != other]
    once: dict[frozenset[int], tuple[int, int]] = {}
    for one, other in pairs:
        # The winner is `b`, as in the report's tables; so is what is held against the baseline.
        once.setdefault(frozenset((one, other)), (0, other) if one == 0 else (other, one))
    return list(once.values())


def _change(raw: Conclusions, clean: Conclusions, a: int, b: int) -> Comparison:
    """How much the difference of two variants' scores changes, replicate by replicate."""
    sign = -1.0 if raw.study.scale.higher_is_better else 1.0
    of_raw, of_clean = (sign * (c.study.errors[b] - c.study.errors[a]) for c in (raw, clean))
    count = min(len(of_raw), len(of_clean))
    return compare(
        "raw data",
        "clean data",
        of_raw[:count],
        of_clean[:count],
        noise=sum(rounding_of(raw.study.scale, c.study.errors[[a, b]]) for c in (raw, clean)),
        measure=f"{raw.record.variant_names[b]} less {raw.record.variant_names[a]}",
        margin=raw.study.margin,
        confidence=raw.study.confidence,
        test_to_train=float(np.maximum(raw.study.test_to_train, clean.study.test_to_train)),
        higher_is_better=raw.study.scale.higher_is_better,
        # Where few samples are left out all scores may be equal, and yet the data differ.
        are_same=False,
    )


def _turned(raw: list[Finding], clean: list[Finding]) -> Iterator[FindingTurn]:
    known = {(finding.code, finding.variant): finding for finding in raw}
    for finding in clean:
        before = known.get((finding.code, finding.variant))
        if before and {before.verdict, finding.verdict} == {"found", "not found"}:
            yield FindingTurn(before, finding)
