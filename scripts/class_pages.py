"""How often the rules about classes and the test set are right, as tables of Markdown."""

from collections.abc import Callable, Iterable
from typing import Any

from scripts.measured import largest_error, percents, results, studies, table
from simulations import errors
from simulations.classes import (
    ABOVE,
    ACCURACY,
    BELOW,
    COMMON,
    DESIGNS,
    EPOCHS,
    RARE,
    RECALLS,
    SAMPLES,
    TESTED,
    VARIANTS,
    VERDICTS,
    WITHOUT_COUNTS,
    Common,
)

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
    yield from _errors_above()


def _errors_above() -> Iterable[str]:
    """The same of errors."""
    found = results()["errors"]["KH203"]
    every = [
        cell
        for of_kind in found.values()
        for by_design in of_kind.values()
        for cell in by_design.values()
    ]
    yield (
        "The same where an error scores that is a mean over samples, by what it is the mean of; "
        f"{studies(every[0])} studies each, standard errors up to {largest_error(every):.1f}.\n"
    )
    for kind in errors.KINDS:
        rows = (
            [f"{times:g}", *_of_designs(found[kind][f"{times:g}"], tuple(DESIGNS))]
            for times in errors.TIMES
        )
        yield f"{kind[0].upper()}{kind[1:]}:\n"
        yield table(["test error truly so many times as large", *HEADER], rows)


def _majority() -> Iterable[str]:
    found = results()["classes"]["KH204"]
    yield (
        'The rule tells what the replicates of a study show. What would mislead is "not found" '
        "where no variant is truly better, the first row. The intervals are made for 2.5 % of "
        f"studies; it was {_highest(found, alone=False)} % at most, and "
        f"{_highest(found, alone=True)} % on one split: there an epoch is chosen by the very "
        f"samples that it is scored on, and each of the {EPOCHS} that are simulated draws anew "
        'what training makes of a sample. "Found" and "inconclusive" both say that nothing is '
        'shown; few samples show little. The last column is how often "not found" would be said '
        "if accuracies alone were known, as before classes were counted; of one split it is so "
        "still.\n"
    )
    for kind, common in COMMON.items():
        cells = found[kind]
        every = [cell for by_design in cells.values() for cell in by_design.values()]
        designs = tuple(next(iter(cells.values())))
        yield (
            f"{SETTING}; the majority class has {100 * common.share:.3g} % of the samples, and "
            f"{_mistakes(common)}. By {' / '.join(designs)}; {studies(every[0])} studies each, "
            f"standard errors up to {largest_error(every):.1f}:\n"
        )
        rows = (
            [
                f"{points:g}",
                *_of_designs(cells[f"{points:g}"], designs, (*VERDICTS, WITHOUT_COUNTS)),
            ]
            for points in ABOVE
            if f"{points:g}" in cells
        )
        header = ["variants truly better by, points", *HEADER, f"{WITHOUT_COUNTS}, %"]
        yield table(header, rows)


def _highest(found: dict[str, Any], *, alone: bool) -> str:
    """The highest rate of "not found" where nothing is better, of one split alone or of others."""
    rates = (
        cell["not found"]["mean"]
        for levels in found.values()
        for design, cell in levels["0"].items()
        if (design == "one split") is alone
    )
    return f"{100 * max(rates):.1f}"


def _mistakes(common: Common) -> str:
    if common.recall is None:
        return "a model is right as often whatever the class"
    most, least = (100 * (1 - common.rates(points)[0]) for points in (0.0, 3.3))
    return (
        f"a model finds {100 * common.recall:g} % of the others and errs on the majority class as "
        f"seldom as makes it so good: {most:.2g} % of it where it is no better, {least:.2g} % "
        "where it is 3.3 points better"
    )


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


def _of_designs(
    cells: dict[str, Any], designs: tuple[str, ...], rates: tuple[str, ...] = VERDICTS
) -> list[str]:
    return [percents((cells[design] for design in designs), rate) for rate in rates]


TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "KH203": _above_test,
    "KH204": _majority,
    "KH205": _never_found,
}
