"""What is said of variants that learn at all speeds, beside one that learned all there is."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from kohort.findings.outlook import outlook_of, rivals_of
from kohort.findings.rules import slow, underfit, undertrained
from simulations.cell import Cell, Outcome
from simulations.curves import EPOCHS, Truth, draw
from simulations.noise import Noise
from simulations.rules import NOISES, REPLICATES

type Shape = Callable[[np.ndarray], np.ndarray]
"""From epochs trained to what is left to be learned, 1 before the first."""

RULES = (underfit.RULE, undertrained.RULE, slow.RULE)
BEST_SPEED = 8.0
"""The epochs trained, in time constants, of the other variant."""


def exponential(epochs: np.ndarray, speed: float) -> np.ndarray:
    """At this speed: the epochs trained, in time constants."""
    return np.asarray(np.exp(-speed * epochs / EPOCHS))


def power_law(epochs: np.ndarray, exponent: float) -> np.ndarray:
    """With this exponent, from the first epoch on."""
    return np.asarray((1 + epochs) ** -exponent)


def limited(epochs: np.ndarray, limit: float) -> np.ndarray:
    """As fast as the other variant, to a limit above its own: this one lacks capacity."""
    return limit + (1 - limit) * exponential(epochs, BEST_SPEED)


LEARNERS: dict[str, Shape] = {
    **{
        f"exponential, {speed:g}": partial(exponential, speed=speed)
        for speed in (0.1, 0.3, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    },
    **{
        f"power law, {exponent:g}": partial(power_law, exponent=exponent)
        for exponent in (0.1, 0.25, 0.5, 1.0, 2.0)
    },
    **{f"limited, {limit:g}": partial(limited, limit=limit) for limit in (0.05, 0.1, 0.3)},
}


def spoken_of(random: np.random.Generator, shape: Shape, noise: Noise, n: int) -> Outcome:
    """What the findings say of one variant, and whether the number of epochs told is wrong."""
    study = draw(random, _truth(shape), noise, n)
    curves = study.variants[0]
    said = {rule.code: rule.judge(curves, study) for rule in RULES}
    verdicts = {code: finding.verdict for code, finding in said.items()}
    target = rivals_of(study, study.errors, 0).of(study.errors)
    first, second = outlook_of(curves, study).valid_error.reaches(target + study.margin)
    is_told = verdicts["KH107"] == "found" and "it would need" in said["KH107"].sentence
    bounds = is_told and not np.isinf(second)
    reached = _epochs_to(
        shape, float(exponential(np.array(EPOCHS), BEST_SPEED)) + study.margin / 0.82
    )
    now = np.array([EPOCHS, 2 * EPOCHS])
    return {
        "gain": 0.82 * float(shape(now)[0] - shape(now)[1]),
        "behind": 0.82 * float(shape(now)[0] - exponential(now, BEST_SPEED)[0]),
        "underfit": float(verdicts["KH103"] == "found"),
        "undertrained": float(verdicts["KH104"] == "found"),
        "levelled out": float(verdicts["KH104"] == "not found"),
        "slow": float(verdicts["KH107"] == "found"),
        "not slow": float(verdicts["KH107"] == "not found"),
        "contradictions": float(contradicts(verdicts)),
        "told": float(is_told),
        "told as an interval": float(bounds),
        "told wrongly": float(is_told and not first <= reached <= second),
    }


def contradicts(verdicts: Mapping[str, str]) -> bool:
    """Whether two verdicts, by code, contradict each other."""
    found = {code for code, verdict in verdicts.items() if verdict == "found"}
    ended = "KH103" in found or verdicts["KH104"] == "not found"
    return ("KH107" in found and ended) or {"KH103", "KH104"} <= found


def cells(studies: int) -> Iterator[Cell]:
    """All of them."""
    for name, shape in LEARNERS.items():
        for noise in NOISES:
            for n in REPLICATES:
                run = partial(spoken_of, shape=shape, noise=NOISES[noise], n=n)
                yield Cell(("speeds", name, noise, f"{n}"), run, studies // 5)


def _truth(shape: Shape) -> Truth:
    """Curves at the ends of the epochs, of the variant and of the one beside it."""
    epochs = np.arange(1, EPOCHS + 1)
    left = np.stack([shape(epochs), exponential(epochs, BEST_SPEED)])
    return Truth(
        train_loss=0.25 + 2 * left,
        valid_loss=0.30 + 2 * left,
        train_error=0.070 + 0.82 * left,
        valid_error=0.080 + 0.82 * left,
    )


def _epochs_to(shape: Shape, left: float) -> float:
    """The epoch at which so much is left to be learned; infinite if there is none."""
    epochs = np.geomspace(EPOCHS, 1e6, 20_000)
    below = shape(epochs) <= left
    return float(epochs[below.argmax()]) if below.any() else np.inf
