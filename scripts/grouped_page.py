"""How often findings about grouped samples are right, as a section of docs/simulations.md."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from scripts.measured import percents, results, table
from simulations.grouped import (
    ABOVE,
    ACCURACY,
    BELOW,
    COMMON,
    DESIGNS,
    DRAWN,
    KINDS,
    LEVEL,
    LUCK,
    LUCKS,
    PARTS,
    SHARED,
    SIZE,
    VARIANTS,
)

KNOWN, UNKNOWN, BEATEN = "found", "found without groups of the test set", "not found"
ABOUT = f"""## Findings about samples in groups

Groups of {SIZE} samples on average, as of a patient or a place: each has a rate at which its
samples are right, so that a part of the variance of being right lies between groups, and the rest
within them. Of how hard a group or a sample is, {100 * SHARED:g} % of the variance is common to all
{VARIANTS} variants, which are equally good; a training is better or worse by a standard deviation
of {LUCK:g} on the scale of a normal threshold. Groups are even, or their sizes reach from 1 to 16
times the smallest, or one holds a third of the samples; whole groups are held out, by the project's
own splits, and the test set has other groups (`simulations/grouped.py`). Each cell has four parts
of the variance between groups, {" / ".join(f"{part:g}" for part in PARTS)}.

### KH203 of groups

The models are right for {100 * ACCURACY:g} % of validation samples, and truly as often on the test
set or {BELOW[1]:g} points less: how often validation is found to lie far above test, in percent of
studies, where the groups of the test set are known, and in the last column where they are not.
"""
MAJORITY = f"""### KH204 of groups

The majority class has {100 * COMMON:g} % of the samples, in proportions that differ between groups
as much, and models are truly no better than it, or {ABOVE[1]:g} points better: how often it is
said to be beaten, in percent of studies.
"""
UNSTABLE = f"""### KH106 of groups

The models are right for {100 * ACCURACY:g} % of validation samples, and a training is no better or
worse than another one, so that the draw of the groups alone makes scores differ; or it is, by a
standard deviation of {LUCKS[1]:g} on the scale of a normal threshold, some 12 points. How often the
first variant is found to be unstable, in percent of studies, and in the last column how often the
unsteady one is called stable.
"""
TEST_SET = f"""### The test set in groups

Two models are right for {100 * ACCURACY:g} % of the samples of the test set, whose groups are
known: how often the interval of an accuracy holds that, nominally {100 * (1 - LEVEL):g} %; and how
often a difference between the two is told, at a level of {100 * LEVEL:g} %. Where samples of one
group are right or wrong nearly as one ({PARTS[-1]:g}), few groups may hold no bad one, and the
interval of an accuracy is then too short.
"""


END = """What it shows: where validation and test come from one population, KH203 is told of at most
{false} % of studies, however alike the samples of a group are and however uneven the groups; and
KH204 calls the class beaten that is not in at most {beaten} %. KH106 calls a steady training
unstable in at most {steady} %, and hardly ever finds one that is unsteady by twelve margins: the
draw of so few groups may bring as much. Over 5 seeds on one split, where nothing but training moves
a score, the same is found in {one_split} % of studies; so is, in {steady_there} %, one whose
trainings are equally good but right about other samples, which moves a score of few samples by more
than the margin too. Where the groups of the test set are known, a difference is found the more
often, the more groups there are and the less alike samples are within them; where they are much
alike it is mostly left open, but of many groups. Where they are not known, whole groups are
counted, and few groups show hardly anything; nor do those of one split show KH204. What it does not
show: training and test sets whose groups are not alike in size and rates, and groups that are in
both.
"""


def in_groups() -> str:
    """The section."""
    found = results()["grouped"]
    return "\n".join(
        [
            ABOUT,
            table(
                [
                    "groups",
                    "replicates",
                    "as often",
                    f"{BELOW[1]:g} points less",
                    "the same, not known",
                ],
                _rows(found["KH203"], ((BELOW[0], KNOWN), (BELOW[1], KNOWN), (BELOW[1], UNKNOWN))),
            ),
            MAJORITY,
            table(
                ["groups", "replicates", "no better", f"{ABOVE[1]:g} points better"],
                _rows(found["KH204"], ((ABOVE[0], BEATEN), (ABOVE[1], BEATEN))),
            ),
            UNSTABLE,
            table(
                ["groups", "replicates", "steady", "unsteady", "unsteady, called stable"],
                _rows(
                    found["KH106"],
                    ((LUCKS[0], KNOWN), (LUCKS[1], KNOWN), (LUCKS[1], BEATEN)),
                    DRAWN,
                ),
            ),
            TEST_SET,
            table(["groups", "held", "told apart"], _of_test_sets(found["test set"])),
            END.format(
                false=_highest(found["KH203"], KNOWN, UNKNOWN),
                beaten=_highest(found["KH204"], BEATEN),
                steady=_highest(found["KH106"], KNOWN, designs=DRAWN),
                one_split=_on_one_split(found["KH106 on one split"], LUCKS[1]),
                steady_there=_on_one_split(found["KH106 on one split"], LUCKS[0]),
            ),
        ]
    )


def _rows(
    found: dict[str, Any],
    columns: Sequence[tuple[float, str]],
    designs: Iterable[str] = tuple(DESIGNS),
) -> Iterator[list[str]]:
    """For each kind of groups and replicates the rates at some true values."""
    for kind, design in product(KINDS, designs):
        cells = found[kind][design]
        at = ([cells[f"{part:g}"][f"{points:g}"] for part in PARTS] for points, _ in columns)
        yield [
            kind,
            design,
            *(percents(of, rate) for of, (_, rate) in zip(at, columns, strict=True)),
        ]


def _of_test_sets(found: dict[str, Any]) -> Iterator[list[str]]:
    """For each kind of groups to test the rates."""
    for kind in KINDS:
        cells = [found[kind][f"{part:g}"] for part in PARTS]
        yield [kind, percents(cells, "held"), percents(cells, "told apart")]


def _highest(found: dict[str, Any], *names: str, designs: Iterable[str] = tuple(DESIGNS)) -> str:
    """The highest of these rates where nothing is to be found."""
    false = [
        found[kind][design][f"{part:g}"]["0"][name]["mean"]
        for kind, design, part, name in product(KINDS, designs, PARTS, names)
    ]
    return f"{100 * max(false):.1f}"


def _on_one_split(found: dict[str, Any], luck: float) -> str:
    """From the lowest to the highest rate of what is so unsteady on one split."""
    cells = [found[kind]["5 seeds"][f"{part:g}"] for kind, part in product(KINDS, PARTS)]
    rates = [cell[f"{luck:g}"][KNOWN]["mean"] for cell in cells]
    return f"{100 * min(rates):.1f} to {100 * max(rates):.1f}"
