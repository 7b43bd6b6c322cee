"""How often the rules about classes and the test set are right, as tables of Markdown."""

from collections.abc import Callable, Iterable
from typing import Any

from scripts.measured import largest_error, percents, results, studies, table
from simulations.classes import (
    ABOVE,
    ACCURACY,
    BELOW,
    DESIGNS,
    RARE,
    RECALLS,
    SAMPLES,
    SHARES,
    TESTED,
    VARIANTS,
)

VERDICTS = ("found", "not found", "inconclusive")
HEADER = [f"{verdict}, %" for verdict in VERDICTS]
SETTING = (
    f"Verdicts over simulated studies of {VARIANTS} variants that are equally good, "
    f"{SAMPLES} training and {TESTED} test samples ([how](../simulations.md)), of which the winner "
    "is chosen as in any study"
)


def rates(code: str) -> str:
    """The section of a code's page."""
    return "\n".join(TABLES[code]())


def _above_test() -> Iterable[str]:
    cells = results()["classes"]["KH203"]
    every = [cell for by_design in cells.values() for cell in by_design.values()]
    yield (
        f"{SETTING}; all have an accuracy of {100 * ACCURACY:g} % on validation. By "
        f"{' / '.join(DESIGNS)}; {studies(every[0])} studies each, standard errors up to "
        f"{largest_error(every):.1f}:\n"
    )
    rows = ([f"{points:g}", *_of_designs(cells[f"{points:g}"], tuple(DESIGNS))] for points in BELOW)
    yield table(["test accuracy truly lower by, points", *HEADER], rows)


def _majority() -> Iterable[str]:
    yield (
        'The rule tells what the replicates of a study show. What would mislead is "not found" '
        "where no variant is truly better, the first row: 2.5 % of studies at most, by promise. "
        '"Found" and "inconclusive" both say that nothing is shown; few samples show little.\n'
    )
    for share in SHARES:
        cells = results()["classes"]["KH204"][f"{share:g}"]
        every = [cell for by_design in cells.values() for cell in by_design.values()]
        designs = tuple(next(iter(cells.values())))
        yield (
            f"{SETTING}; the majority class has {100 * share:g} % of the samples. By "
            f"{' / '.join(designs)}; {studies(every[0])} studies each, standard errors up to "
            f"{largest_error(every):.1f}:\n"
        )
        rows = (
            [f"{points:g}", *_of_designs(cells[f"{points:g}"], designs)]
            for points in ABOVE
            if f"{points:g}" in cells
        )
        yield table(["variants truly better by, points", *HEADER], rows)


def _never_found() -> Iterable[str]:
    cells = results()["classes"]["KH205"]
    yield (
        "Exact, by adding up the binomial distribution, for a class of two with "
        f"{' / '.join(map(str, RARE))} test samples:\n"
    )
    rows = (
        [f"{100 * recall:g}", *_of_designs(cells[f"{recall:g}"], tuple(map(str, RARE)))]
        for recall in RECALLS
    )
    yield table(["true recall, %", *HEADER], rows)


def _of_designs(cells: dict[str, Any], designs: tuple[str, ...]) -> list[str]:
    return [percents((cells[design] for design in designs), verdict) for verdict in VERDICTS]


TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "KH203": _above_test,
    "KH204": _majority,
    "KH205": _never_found,
}
