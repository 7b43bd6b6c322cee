"""How often families of comparisons decide a difference that is none, and one that is."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from kohort.design.replicates import Holdout, KFold
from kohort.findings.choice import choose
from kohort.findings.families import families
from kohort.findings.judged import StudyCurves
from kohort.findings.paired.fixed import Families
from kohort.findings.statistics.comparison import Comparison
from simulations import curves, resampling
from simulations.cell import Cell, Outcome
from simulations.noise import LETTERS, NOTMNIST, Noise, Part
from simulations.resampling import Model, Splits, least_squares, one_epoch, random_units

VARIANTS = 8
ADDITIONS = ((3, 4), (3, 5), (3, 6), (3, 7))
"""Pairs of which the second has something added, as in the built-in study."""
MANY = 100
LOST = 0.1
"""The probability that a member diverges, where some do."""
SPREAD = 0.01
"""Standard deviation of a variant's own part of its error, over replicates."""
BETTER = 4
"""The variant that is better than the others, where one is."""
GROWING = ((5, 10, 20),)
"""The replicates of a study that is run again with more, as long as nothing differs."""

type Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Of mean 0 and variance 1, as all of these."""
    return random.standard_normal(shape)


def heavy(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Student's t with 3 degrees of freedom."""
    values: np.ndarray = random.standard_t(3, shape) / np.sqrt(3)
    return values


def skewed(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Exponential: most replicates a little better, a few much worse."""
    return random.standard_exponential(shape) - 1


def half_skewed(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Every other variant skewed, the rest normal: differences are skewed, too."""
    values = normal(random, shape)
    values[::2] = skewed(random, values[::2].shape)
    return values


def missing(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal; members that diverge have none."""
    values = normal(random, shape)
    values[random.random(shape) < LOST] = np.nan
    return values


def unequal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal, with spreads from a quarter to four times the usual."""
    return normal(random, shape) * np.geomspace(0.25, 4, shape[0])[:, None]


def independent(
    random: np.random.Generator,
    draw: Draw,
    replicates: int,
    better: float = 0.0,
    variants: int = VARIANTS,
    lost: float = 0.0,
) -> StudyCurves:
    """A study over seeds: each replicate has a part shared by all variants, and their own.

    Members diverge with a probability.
    """
    shape = (variants, replicates)
    shared = SPREAD * random.standard_normal((1, replicates))
    errors = 0.1 + shared + SPREAD * draw(random, shape)
    errors[BETTER] -= better
    losses = 3 * errors + SPREAD * draw(random, shape)
    if lost:  # else the random numbers of other rows would be others
        losses[random.random(shape) < lost] = np.nan
    return one_epoch(errors, losses)


def correlated(
    random: np.random.Generator, fraction: float, replicates: int, better: float
) -> StudyCurves:
    """A study over resampled splits, by the model that Nadeau and Bengio's correction assumes.

    Replicates share a part of the variance as large as the part of the samples that validates.
    """
    common, individual = (random.standard_normal((VARIANTS, n)) for n in (1, replicates))
    noise = np.sqrt(fraction) * common + np.sqrt(1 - fraction) * individual
    errors = 0.1 + SPREAD * noise
    errors[BETTER] -= better
    return one_epoch(errors, 3 * errors, fraction / (1 - fraction))


def learned(random: np.random.Generator, noise: Noise, replicates: int) -> StudyCurves:
    """A study of whole curves, so that e* is chosen as well."""
    return curves.draw(random, curves.sound(VARIANTS), noise, replicates)


def by_loss(random: np.random.Generator, replicates: int) -> StudyCurves:
    """A study scored by the loss that chooses its epochs, which is noisy from epoch to epoch.

    The noise is as large as what sets replicates apart, each with seeds alone.
    """
    part = Part(shared=SPREAD, individual=SPREAD, epoch=SPREAD, autocorrelation=0.0)
    drawn = curves.draw(random, curves.sound(VARIANTS), Noise(part, part, part, part), replicates)
    variants = (replace(v, valid_error=v.valid_loss) for v in drawn.variants)
    return replace(drawn, variants=tuple(variants))


def split(random: np.random.Generator, models: tuple[Model, ...], splits: Splits) -> StudyCurves:
    """A study whose replicates truly share samples."""
    errors, losses = resampling.scores(random, models, splits)
    return one_epoch(errors, losses, resampling.ratio_of(splits))


def false_alarm(
    random: np.random.Generator, study: Callable[[np.random.Generator], StudyCurves]
) -> Outcome:
    """Whether a study of equal variants reports any difference, and in which family."""
    rates = _decided(_judge(study(random)))
    return {"any family": max(rates.values()), **rates}


def growing(random: np.random.Generator, looks: tuple[int, ...]) -> Outcome:
    """Whether a study of equal variants that grows reports any difference, at its end or before."""
    study = independent(random, normal, looks[-1])
    drawn = (replace(study, variants=tuple(v.first(n) for v in study.variants)) for n in looks)
    told = [max(_decided(_judge(of_look)).values()) for of_look in drawn]
    return {"at the end": told[-1], "at any look": max(told)}


def power(
    random: np.random.Generator, study: Callable[[np.random.Generator], StudyCurves]
) -> Outcome:
    """What a study says of the variant that is better than all others, which are equal."""
    drawn = study(random)
    judged = _judge(drawn)
    better = drawn.variants[BETTER].name
    everything = [c for family in vars(judged).values() for c in family]
    return {
        "chosen": float(choose(drawn) == BETTER),
        "better than the baseline": float(judged.baseline[BETTER - 1].is_decided),
        "any false": float(any(_is_false(c, better) for c in everything)),
    }


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for name, study in _null_studies().items():
        # All families of many variants take half a second a study.
        count = studies // 10 if name == f"{MANY} variants" else studies
        yield Cell(("false alarms", name), partial(false_alarm, study=study), count)
    for looks in GROWING:
        at = ", ".join(map(str, looks))
        yield Cell(("growing", at), partial(growing, looks=looks), studies // 2)
    for replicates in (5, 10):
        for points in (1, 2, 3):
            better = points / 100
            kinds = {
                "seeds": partial(independent, draw=normal, replicates=replicates, better=better),
                "splits": partial(correlated, fraction=0.2, replicates=replicates, better=better),
            }
            for kind, study in kinds.items():
                key = ("power", kind, f"{replicates}", f"{points}")
                yield Cell(key, partial(power, study=study), studies // 2)


def _null_studies() -> dict[str, Callable[[np.random.Generator], StudyCurves]]:
    shapes = {
        "normal": normal,
        "heavy tails (t, 3 degrees of freedom)": heavy,
        "skewed (exponential)": skewed,
        "every other variant skewed": half_skewed,
        "unequal spreads (1 to 16)": unequal,
    }
    blocks = tuple(Model(least_squares, block) for block in range(VARIANTS))
    same = (Model(random_units, 0),) * VARIANTS
    return {
        **{name: partial(independent, draw=draw, replicates=5) for name, draw in shapes.items()},
        "a tenth of the members diverge": partial(
            independent, draw=normal, replicates=5, lost=LOST
        ),
        f"{MANY} variants": partial(independent, draw=normal, replicates=5, variants=MANY),
        "curves with the noise of letters": partial(learned, noise=LETTERS, replicates=5),
        "curves with the noise of notMNIST": partial(learned, noise=NOTMNIST, replicates=5),
        "scored by a noisy loss, 5 replicates": partial(by_loss, replicates=5),
        "scored by a noisy loss, 20 replicates": partial(by_loss, replicates=20),
        "splits, Holdout(0.2)": partial(split, models=blocks, splits=Holdout(0.2, 5)),
        "splits, Holdout(0.1)": partial(split, models=blocks, splits=Holdout(0.1, 5)),
        "folds, KFold(5)": partial(split, models=blocks, splits=KFold(5)),
        "splits, Holdout(0.2), chance in training": partial(
            split, models=same, splits=Holdout(0.2, 5)
        ),
    }


def _judge(study: StudyCurves) -> Families:
    return families(replace(study, additions=ADDITIONS, one_loss=ADDITIONS))


def _decided(judged: Families) -> dict[str, float]:
    """Whether any difference is decided, by family."""
    return {
        name: float(any(c.is_decided for c in getattr(judged, name)))
        for name in ("baseline", "winner", "additions", "rises")
    }


def _is_false(comparison: Comparison, better: str) -> bool:
    """Whether it is decided between equals, or the wrong way round."""
    return comparison.better not in (None, better)
