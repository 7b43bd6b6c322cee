"""The comparisons that a study makes, in families, each corrected for its size."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kohort.findings.comparison import Comparison, compare, correct, simes
from kohort.findings.curves import StudyCurves


@dataclass(frozen=True)
class Families:
    """The comparisons of a study.

    Args:
        baseline: Each variant (`b`) against the first.
        winner: The winner (`b`) against each other variant but the baseline; where the baseline
            wins, against all others. Corrected over all pairs of them, since the winner was
            picked by the same scores.
        additions: Each variant that is another one with something added, against that one.
        additions_at_the_end: Those of these pairs that have one loss, by validation loss at the
            end of training: what the addition does against overfitting.
    """

    baseline: list[Comparison]
    winner: list[Comparison]
    additions: list[Comparison]
    additions_at_the_end: list[Comparison]


def score_comparison(study: StudyCurves, a: int, b: int) -> Comparison:
    """The paired difference of what two variants (numbers) score, `b - a`, at their e*."""
    scale = study.scale
    sign = -1.0 if scale.higher_is_better else 1.0  # errors, back to what they were made from
    errors = study.errors
    return _paired(
        study,
        (a, b),
        (sign * errors[a], sign * errors[b]),
        f"validation {scale.metric} at the best epoch",
        study.margin,
    )


def families(
    study: StudyCurves,
    winner: int,
    additions: Sequence[tuple[int, int]],
    one_loss: Sequence[tuple[int, int]],
) -> Families:
    """All comparisons of a study.

    A difference is decided where Holm's correction over its family allows it and Simes's test
    over all pairs of variants, and all of `one_loss` at the end, finds that anything differs: so
    that of studies whose variants do not differ no more than 5 % report any difference at all.

    Args:
        study: The curves.
        winner: Number of the winner.
        additions: Pairs `(a, b)` of numbers where b is a with something added.
        one_loss: Those of these pairs whose losses can be compared.
    """
    numbers = range(len(study.variants))
    pairs = itertools.combinations(numbers, 2)
    each_once = {(a, b): score_comparison(study, a, b) for a, b in pairs}
    at_the_end = [_loss_comparison(study, a, b) for a, b in one_loss]
    everything = [*each_once.values(), *at_the_end]
    gate = simes([comparison.difference.p_value for comparison in everything])

    def of(a: int, b: int) -> Comparison:
        return each_once[a, b] if a < b else score_comparison(study, a, b)

    if winner == 0:
        against = correct([of(other, 0) for other in numbers[1:]], gate)
    else:
        rivals = [number for number in numbers[1:] if number != winner]
        others = [of(a, b) for a, b in itertools.combinations(rivals, 2)]
        against = correct([*(of(rival, winner) for rival in rivals), *others], gate)[: len(rivals)]
    return Families(
        baseline=correct([of(0, number) for number in numbers[1:]], gate),
        winner=against,
        additions=correct([of(a, b) for a, b in additions], gate),
        additions_at_the_end=correct(at_the_end, gate),
    )


def _loss_comparison(study: StudyCurves, a: int, b: int) -> Comparison:
    losses = [curves.at_end(curves.valid_loss) for curves in study.variants]
    # No margin: what rise of a loss is of practical interest, the study does not say.
    return _paired(
        study,
        (a, b),
        (losses[a], losses[b]),
        "validation loss over the last quarter of the epochs",
        margin=float("nan"),
    )


def _paired(
    study: StudyCurves,
    pair: tuple[int, int],
    values: tuple[np.ndarray, np.ndarray],
    measure: str,
    margin: float,
) -> Comparison:
    return compare(
        study.variants[pair[0]].name,
        study.variants[pair[1]].name,
        *values,
        measure=measure,
        margin=margin,
        confidence=study.confidence,
        test_to_train=study.test_to_train,
    )
