"""Compares variants pairwise over their replicates, with correction for multiplicity."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape

import numpy as np
import scipy

from kohort.findings.statistics.interval import Interval, evened, mean_interval
from kohort.findings.statistics.power import replicates_needed
from kohort.findings.statistics.spreads import Spread
from kohort.findings.statistics.stepwise import holm

SIGN_FLIPS = 4096
"""Sign flips of a sign-flip test: all of them up to 12 replicates, random ones for more."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """The paired difference `b - a` of a measured value.

    Args:
        a: Name of a variant.
        b: Name of another.
        measure: What is compared, in words.
        difference: Mean of the replicates' differences, with its interval; the interval and its
            p-value (Student's t) are not corrected.
        differences: The differences of the replicates that both have, `[replicate]`.
        higher_is_better: Whether a higher value is better.
        margin: The smallest difference of practical interest, in the unit of the differences.
        test_to_train: As in `mean_interval`.
        p_equivalence: The p-value of the hypothesis that the true difference is the margin or
            more, in either direction (Schuirmann's two one-sided tests); NaN if there is none.
        alpha: The error rate of its family of comparisons.
        family: The number of comparisons in its family.
        p_adjusted: The p-value after correction over the family; see `correct`.
        p_equivalence_adjusted: `p_equivalence` after this correction.
        moderated: The spread of the differences, estimated with the help of the other variants of
            the study; None without such help.
        share: The part of alpha that may be spent on it: less than 1 at a look of a race. Then
            moderated p-values are divided by it, so that `p_adjusted` is corrected for the looks as
            well, and intervals are as wide as that asks; see `compare`.
        text: The comparison in sentences, which it shows; "" where nobody has told it.
    """

    a: str
    b: str
    measure: str
    difference: Interval
    differences: tuple[float, ...]
    higher_is_better: bool
    margin: float
    test_to_train: float
    p_equivalence: float
    alpha: float
    family: int
    p_adjusted: float
    p_equivalence_adjusted: float
    moderated: Spread | None = None
    share: float = 1.0
    text: str = field(default="", repr=False, compare=False)

    def __repr__(self) -> str:
        return self.text or f"Comparison({self.b!r} - {self.a!r}, {self.measure})"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"

    @cached_property
    def p_moderated(self) -> float:
        """As the p-value of the difference, by the moderated spread and divided by the share."""
        if self.moderated is None or not self.difference.has_width:
            return _spent(self.difference.p_value, self.share)
        error = self.moderated.error(self.difference.n, self.test_to_train)
        # As `scipy.stats.t.sf`, without its checks, which take ten times as long.
        p_value = 2 * scipy.special.stdtr(self.moderated.df, -abs(self.difference.mean) / error)
        return _spent(float(p_value), self.share)

    @cached_property
    def p_equivalence_moderated(self) -> float:
        """As `p_equivalence`, by the moderated spread and divided by the share."""
        if self.moderated is None:
            return _spent(self.p_equivalence, self.share)
        p_value = self.moderated.equivalence(self.difference, self.margin, self.test_to_train)
        return _spent(p_value, self.share)

    @property
    def turned(self) -> "Comparison":
        """The same comparison as the difference `a - b`."""
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=self.difference.negated(),
            differences=tuple(-difference for difference in self.differences),
            text="",
        )

    @property
    def is_decided(self) -> bool:
        """Whether the difference is significant at the error rate of the family."""
        return bool(self.p_adjusted <= self.alpha)

    @property
    def better(self) -> str | None:
        """The name of the variant that is decided to be better; None if none is."""
        if not self.is_decided:
            return None
        return self.b if (self.difference.mean > 0) == self.higher_is_better else self.a

    @property
    def is_equivalent(self) -> bool:
        """Whether the difference is significantly smaller than the margin, at the same rate."""
        return bool(self.p_equivalence_adjusted <= self.alpha)

    @property
    def is_conclusive(self) -> bool:
        """Whether it is decided that there is a difference, or that there is none that matters."""
        return self.is_decided or self.is_equivalent

    @property
    def excludes_zero(self) -> bool:
        """Whether the difference is significant before correction."""
        return self.difference.lies_above(0.0) or self.difference.high < 0.0

    @property
    def alone(self) -> "Comparison":
        """The same comparison without correction, as if nothing else had been compared."""
        differ, alike = self.difference.p_value, self.p_equivalence
        if self.share < 1:
            differ, alike = max(differ, self.p_moderated), max(alike, self.p_equivalence_moderated)
        return replace(self, family=1, p_adjusted=differ, p_equivalence_adjusted=alike, text="")

    @property
    def shown_interval(self) -> Interval:
        """The interval to show with the verdict.

        Usually that of the difference. If the two one-sided tests decide that the variants are
        equivalent, but this interval reaches beyond the margin, the interval of these tests (of
        90 %, where the difference has 95 %).
        """
        interval = self.difference
        if not self.is_equivalent or self.is_decided or self._is_within(interval):
            return interval
        return _interval(
            np.array(self.differences),
            2 * self.alpha,
            self.test_to_train,
            self.moderated,
            self.share,
        )

    @property
    def shown_interval_name(self) -> str:
        """The name of that interval; empty if it is the usual one of the difference, or none."""
        if not self.difference.is_formed:
            return ""
        percent = 100 * self.alpha * self.share
        if self.shown_interval is not self.difference:
            return f"the {100 - 2 * percent:.3g} % interval of two one-sided tests"
        return f"the {100 - percent:.3g} % interval of a look" * (self.share < 1)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The thresholds of the verdicts: no difference, and the margin in either direction."""
        return 0.0, self.margin, -self.margin

    @property
    def errors_per_thousand(self) -> float:
        """How many fewer errors `b` makes than `a` in 1,000 samples, if accuracies are compared."""
        return 1000 * self.difference.mean

    def _is_within(self, interval: Interval) -> bool:
        """Whether an interval lies within the margin around zero."""
        return interval.lies_above(-self.margin) and interval.lies_below(self.margin)

    @cached_property
    def p_sign_flip(self) -> float:
        """The p-value of the sign-flip test (Fisher 1935, The Design of Experiments, section 21).

        It is the probability of a mean difference as large if each replicate's difference had a
        random sign. The test assumes no distribution, but it assumes independent replicates, and
        with n of them no p-value is below 2^(1 - n): five cannot reach 0.05. So it is reported
        beside the t test and decides nothing. NaN with fewer than two differences.
        """
        values = np.array(self.differences)
        if len(values) < 2:
            return float("nan")
        # Rounding of float32 must not break ties of equal sums. Sorted, so that random flips do not
        # depend on the order of replicates.
        tied = np.round(np.sort(values) / (np.abs(values).max() or 1.0), 9)
        test = scipy.stats.permutation_test(
            (tied,),
            np.mean,
            permutation_type="samples",
            n_resamples=SIGN_FLIPS,
            rng=np.random.default_rng(0),
        )
        return float(test.pvalue)

    @cached_property
    def spread(self) -> Spread:
        """The moderated spread of the differences, or their own without help."""
        return self.moderated or Spread.of(np.array(self.differences))

    @cached_property
    def replicates_needed(self) -> int | None:
        """The replicates that detect a true difference of the margin with a probability of 80 %.

        None if no number would, or if the spread is unknown, as it is of two replicates. They are
        computed at Bonferroni's level over the family. Holm's correction needs no more; the test
        that anything differs at all may need some more.
        """
        if len(self.differences) < 3:
            return None
        return replicates_needed(
            self.spread.deviation,
            self.margin,
            alpha=self.alpha,
            family=self.family / self.share,
            test_to_train=self.test_to_train,
            gain=self.spread.df / (len(self.differences) - 1),
        )


def compare(
    a: str,
    b: str,
    values_a: np.ndarray,
    values_b: np.ndarray,
    *,
    measure: str,
    margin: float,
    confidence: float,
    test_to_train: float,
    higher_is_better: bool = True,
    are_same: bool = True,
    moderated: Spread | None = None,
    share: float = 1.0,
    noise: float = 0.0,
) -> Comparison:
    """Compare two variants, pair by pair.

    At a look of a race the interval is at least as wide as the pair's own at the usual confidence,
    and as that by the moderated spread at the confidence that the share of the error rate leaves:
    its verdict needs both to exclude zero.

    Args:
        a: Name of the first.
        b: Name of the second.
        values_a: `[replicate]`, in the same order as `values_b`.
        values_b: `[replicate]`.
        measure: What the values are, in words.
        margin: The smallest difference of practical interest, in the unit of the values.
        confidence: Of the interval.
        test_to_train: As in `mean_interval`.
        higher_is_better: Whether a higher value is better.
        are_same: Whether equal values everywhere mean that the two variants are the same. If not,
            since few samples can give both the same score, there is no interval.
        moderated: The spread of the differences, where other variants help to estimate it.
        share: The part of the error rate that may be spent on it.
        noise: By how much differences may differ by the rounding of the values alone.
    """
    differences = np.asarray(values_b, float) - np.asarray(values_a, float)
    differences = evened(differences[np.isfinite(differences)], noise)
    interval = _interval(differences, 1 - confidence, test_to_train, moderated, share)
    if not (are_same or differences.any()):
        interval = replace(interval, low=np.nan, high=np.nan, p_value=np.nan)
    equivalence = Spread.of(differences).equivalence(interval, margin, test_to_train)
    return Comparison(
        a,
        b,
        measure,
        interval,
        tuple(map(float, differences)),
        higher_is_better,
        margin,
        test_to_train,
        p_equivalence=equivalence,
        alpha=1 - confidence,
        family=1,
        p_adjusted=interval.p_value,
        p_equivalence_adjusted=equivalence,
        moderated=moderated,
        share=share,
    )


def correct(
    family: Sequence[Comparison], gate: float = 0.0, kept: tuple[int, int] = (0, 0)
) -> list[Comparison]:
    """The same comparisons with p-values adjusted over the family by Holm's method.

    A study has several families of comparisons. If its variants do not differ at all, each family
    finds a difference in 5 % of studies, and all together in more. So no difference is decided
    unless the study as a whole shows one: the gate is a p-value of the hypothesis that nothing
    differs (see `simes`), and no adjusted p-value is below it. Once anything differs, each family
    errs about the rest in at most 5 % of studies. Equivalence has separate p-values, with the
    family's error rate.

    The correction is over moderated p-values: it reaches far into the tail of Student's t, where
    few degrees of freedom cost most. No adjusted p-value is below the pair's own, so that nothing
    is decided that the pair alone does not show, whatever the others look like.

    Args:
        family: The comparisons of a family.
        gate: The lower bound of the p-values of differences.
        kept: Further hypotheses of the family whose p-values are 1: of differences, and of
            equivalence.
    """
    alone = np.array([(c.difference.p_value, c.p_equivalence) for c in family]).reshape(-1, 2)
    differ = holm([c.p_moderated for c in family], kept[0])
    alike = holm([c.p_equivalence_moderated for c in family], kept[1])
    differ = np.maximum(differ, np.maximum(alone[:, 0], gate))
    alike = np.maximum(alike, alone[:, 1])
    count = len(family) + max(kept)
    return [
        replace(c, family=count, p_adjusted=float(p), p_equivalence_adjusted=float(q))
        for c, p, q in zip(family, differ, alike, strict=True)
    ]


def _interval(
    differences: np.ndarray,
    error_rate: float,
    test_to_train: float,
    moderated: Spread | None,
    share: float,
) -> Interval:
    """The interval of a pair's mean difference; at a look the wider one on each side of two."""
    if share == 1:
        return mean_interval(differences, confidence=1 - error_rate, test_to_train=test_to_train)
    spent = share * error_rate
    usual = 1 - error_rate if moderated else 1 - spent
    alone = mean_interval(differences, confidence=usual, test_to_train=test_to_train)
    if moderated is None or not alone.has_width:
        return alone
    quantile = scipy.special.stdtrit(moderated.df, 1 - spent / 2)
    half = quantile * moderated.error(alone.n, test_to_train)
    low, high = min(alone.low, alone.mean - half), max(alone.high, alone.mean + half)
    return replace(alone, low=float(low), high=float(high))


def _spent(p_value: float, share: float) -> float:
    """A p-value that only a share of the error rate may be spent on."""
    return float(np.minimum(1.0, p_value / share))
