"""How often each rule finds what is there, and what is not, on curves whose truth is known.

Where a rule has a threshold on a mean, the truth is what it measures, on the curves without noise.
Rules that compare with the study's margin (KH106, KH202) are given margins instead, as multiples
of what the noise makes true.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy import optimize, stats

from kohort.findings.diagnosis import diagnose
from kohort.findings.finding import Rule
from kohort.findings.judged import WORSE_THRESHOLD, StudyCurves, VariantCurves
from kohort.findings.outlook import EXCESS_POINTS
from kohort.findings.rules import diverged, gap, overfit, too_few, underfit, undertrained, unstable
from kohort.findings.rules import slow as slow_rule
from simulations.cell import Cell, Outcome
from simulations.curves import EPOCHS, QUARTER, draw, fall, sound
from simulations.noise import LETTERS, NOTMNIST, Noise, Part

type Judged = Rule[[VariantCurves, StudyCurves]]
type Draw = Callable[[np.random.Generator, float, Noise, int], StudyCurves]
"""From chance, a level of truth, noise and a number of replicates to a study."""

NOISES = {"letters": LETTERS, "notMNIST": NOTMNIST}
REPLICATES = (3, 5, 10)
VARIANTS = 8
MARGIN = 0.01
LEVEL = 0.08
"""The validation error that sound curves end at."""


def overfitting(random: np.random.Generator, level: float, noise: Noise, n: int) -> StudyCurves:
    """Validation loss lowest at epoch 8, and `level` % above that at the end."""
    truth = sound(1).with_first(valid_loss=_rising(level), train_loss=fall(0.1, 1.0, 5.0))
    return draw(random, truth, noise, n)


def with_gap(random: np.random.Generator, level: float, noise: Noise, n: int) -> StudyCurves:
    """Validation error `level` points above train error at every epoch."""
    truth = sound(1)
    truth = truth.with_first(train_error=truth.valid_error[0] - level / 100)
    return draw(random, truth, noise, n)


def underfitting(
    random: np.random.Generator, level: float, noise: Noise, n: int, variants: int = VARIANTS
) -> StudyCurves:
    """Both errors `level` points above those of all other variants, which are equal."""
    truth = sound(variants)
    truth = truth.with_first(
        train_error=truth.train_error[0] + level / 100,
        valid_error=truth.valid_error[0] + level / 100,
    )
    return draw(random, truth, noise, n)


def improving(
    random: np.random.Generator,
    level: float,
    noise: Noise,
    n: int,
    exponent_of: str = "time",
) -> StudyCurves:
    """In as many epochs again validation error would fall by `level` points.

    By an exponential or a power law; and its loss by as many times `FALL_THRESHOLD`.
    """
    shape = _shape_that_falls(level * undertrained.FALL_THRESHOLD, exponent_of)
    fallen = MARGIN / undertrained.FALL_THRESHOLD
    truth = sound(1)
    truth = truth.with_first(
        train_loss=0.25 + 0.7 * shape,
        valid_loss=0.30 + 0.7 * shape,
        train_error=0.070 + fallen * shape,
        valid_error=0.080 + fallen * shape,
    )
    return draw(random, truth, noise, n)


def slow(random: np.random.Generator, level: float, noise: Noise, n: int) -> StudyCurves:
    """In as many epochs again the losses of a variant that is alone would fall by `level` %."""
    shape = _shape_that_falls(level / 100, "time")
    truth = sound(1)
    truth = truth.with_first(
        train_loss=0.5 + 1.5 * shape,
        valid_loss=0.5 + 1.5 * shape,
        train_error=0.2 + 0.6 * shape,
        valid_error=0.2 + 0.6 * shape,
    )
    return draw(random, truth, noise, n)


def diverging(random: np.random.Generator, level: float, noise: Noise, n: int) -> StudyCurves:
    """Train loss ends, over the last quarter, `level` % above where it began."""
    loss = 1 + level / 100 * np.minimum(1.0, np.arange(EPOCHS) / QUARTER.start)
    return draw(random, sound(1).with_first(train_loss=loss, valid_loss=loss), noise, n)


def spread_out(random: np.random.Generator, level: float, noise: Noise, n: int) -> StudyCurves:
    """The spread of a variant's own part of its error is `level` margins."""
    spread = LEVEL * _deviation(noise.valid_error)
    return draw(random, sound(VARIANTS), noise, n, float(spread / level))


def hard_to_see(
    random: np.random.Generator, level: float, noise: Noise, n: int, apart: float = 0.0
) -> StudyCurves:
    """The interval of a difference reaches `level` margins to either side of it, on average.

    Args:
        random: Where chance comes from.
        level: Half the interval's width, in margins.
        noise: Of the curves.
        n: Replicates.
        apart: The true difference, in half widths of the interval.
    """
    spread = LEVEL * _deviation(noise.valid_error) * np.sqrt(2)
    half = float(stats.t.ppf(0.975, n - 1) * spread / np.sqrt(n))
    truth = sound(2)
    truth = truth.with_first(valid_error=truth.valid_error[0] + apart * half)
    return draw(random, truth, noise, n, half / level)


@dataclass(frozen=True)
class Question:
    """What is asked of a rule.

    Args:
        rule: The rule.
        study: Draws a study of which the first variant is judged.
        truth: What the levels are levels of, in words, with their unit.
        levels: From clearly absent to clearly present.
        threshold: The level from which on the rule is true.
        name: Of a second question to the same rule; else empty.
        infers: Whether the rule infers the truth, rather than telling what was met or measured.
    """

    rule: Judged
    study: Draw
    truth: str
    levels: Sequence[float]
    threshold: float | None
    name: str = ""
    infers: bool = True

    @property
    def key(self) -> str:
        """Where its numbers stand."""
        return f"{self.rule.code} {self.name}".strip()


QUESTIONS = (
    Question(
        overfit.RULE,
        overfitting,
        "rise of validation loss, %",
        (0.0, 2.5, 5.0, 7.5, 10.0, 20.0),
        overfit.GL_THRESHOLD,
    ),
    Question(
        gap.RULE,
        with_gap,
        "validation minus train error, points",
        (0.0, 1.0, 2.0, 3.0, 4.0),
        gap.GAP_POINTS,
    ),
    Question(
        underfit.RULE,
        underfitting,
        "train error above that of seven equal others, points",
        (0.0, 1.0, 2.0, 3.0, 4.0, 8.0),
        EXCESS_POINTS,
    ),
    Question(
        underfit.RULE,
        partial(underfitting, variants=2),
        "train error above that of one other, points",
        (0.0, 2.0, 4.0, 8.0),
        EXCESS_POINTS,
        "of two variants",
    ),
    Question(
        undertrained.RULE,
        improving,
        "fall of validation error in as many epochs again, points",
        (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
        100 * MARGIN,
    ),
    Question(
        undertrained.RULE,
        partial(improving, exponent_of="epochs"),
        "the same, of a power law, points",
        (0.25, 0.5, 1.0, 2.0, 4.0, 6.0),
        100 * MARGIN,
        "of a power law",
    ),
    Question(
        diverged.RULE,
        diverging,
        "end of train loss above its start, %",
        (-50.0, 0.0, 10.0, 25.0, 50.0, 100.0),
        100 * WORSE_THRESHOLD,
        infers=False,
    ),
    Question(
        unstable.RULE,
        spread_out,
        "standard deviation over replicates, margins",
        (0.25, 0.5, 1.0, 2.0, 4.0),
        1.0,
    ),
    Question(
        slow_rule.RULE,
        slow,
        "fall of train loss in as many epochs again, % of the fall so far",
        (0.0, 12.5, 25.0, 37.5, 50.0, 75.0),
        100 * slow_rule.SLOW_SHARE,
    ),
    Question(
        too_few.RULE,
        hard_to_see,
        "half width of the interval, margins, where there is no difference",
        (0.25, 0.5, 1.0, 2.0, 4.0),
        None,
        infers=False,
    ),
    Question(
        too_few.RULE,
        partial(hard_to_see, apart=3.0),
        "half width of the interval, margins, where the difference is three times as large",
        (0.5, 1.0, 2.0, 4.0),
        None,
        "of a difference",
        infers=False,
    ),
)


def judged(
    random: np.random.Generator, question: Question, level: float, noise: Noise, n: int
) -> Outcome:
    """What a rule says of the first variant, as a share of each verdict."""
    study = question.study(random, level, noise, n)
    verdict = question.rule.judge(study.variants[0], study).verdict
    verdicts = ("found", "not found", "inconclusive", "not applicable")
    return {name: float(name == verdict) for name in verdicts}


def of_sound_study(random: np.random.Generator, noise: Noise, n: int) -> Outcome:
    """Whether the diagnosis finds anything in eight sound variants, and what; KH202 aside."""
    findings = diagnose(draw(random, sound(VARIANTS), noise, n))
    codes = [question.rule.code for question in QUESTIONS]
    found = {f.code for f in findings if f.verdict == "found" and f.code != too_few.RULE.code}
    rates: Mapping[str, float] = {code: float(code in found) for code in codes[:-2]}
    return {"anything": float(bool(found)), **rates}


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for name, noise in NOISES.items():
        for n in REPLICATES:
            run = partial(of_sound_study, noise=noise, n=n)
            yield Cell(("sound studies", name, f"{n}"), run, studies // 4)
            for question in QUESTIONS:
                for level in question.levels:
                    key = ("rules", question.key, name, f"{level:g}", f"{n}")
                    ask = partial(judged, question=question, level=level, noise=noise, n=n)
                    yield Cell(key, ask, studies)


@cache
def _shape_that_falls(share: float, exponent_of: str) -> np.ndarray:
    """`[epoch]`, 1 at the first epoch and 0 at the last, that falls on by a share of that.

    Args:
        share: By how much it would fall in as many epochs again.
        exponent_of: "time" for an exponential, "epochs" for a power law.
    """
    epoch = np.arange(1.0, 2 * EPOCHS + 1)

    def falls(speed: float) -> np.ndarray:
        if exponent_of == "time":
            return np.asarray(np.exp(-speed * epoch / EPOCHS))
        return np.asarray(epoch**-speed)

    def excess(speed: float) -> float:
        curve = falls(speed)
        fallen = curve[0] - curve[EPOCHS - 1]
        return float((curve[EPOCHS - 1] - curve[-1]) / fallen - share)

    curve = falls(float(optimize.brentq(excess, 0.001, 40.0)) if share else 40.0)[:EPOCHS]
    return np.asarray((curve - curve[-1]) / (curve[0] - curve[-1]))


@cache
def _rising(percent: float) -> np.ndarray:
    """`[epoch]`, a loss whose mean over the last quarter lies so far above its lowest."""
    after = np.maximum(0, np.arange(EPOCHS) - 7)

    def curve(slope: float) -> np.ndarray:
        risen: np.ndarray = fall(0.30, 1.0) + slope * after
        return risen

    def excess(slope: float) -> float:
        return float(100 * (curve(slope)[QUARTER].mean() / curve(slope).min() - 1) - percent)

    return curve(float(optimize.brentq(excess, 0.0, 0.5)) if percent else 0.0)


def _deviation(part: Part) -> float:
    """The relative standard deviation, over replicates, of one variant's value at one epoch."""
    return float(np.hypot(part.individual, part.epoch))
