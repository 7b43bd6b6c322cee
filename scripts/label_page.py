"""How often rules about data that train nets are right, as tables of Markdown."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts.measured import table

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
FILE, SHIFTS = RESULTS / "labels.json", RESULTS / "shifts.json"
PLANTED = RESULTS / "planted.json"
WITHIN = {0: "none", 1: "the first", 3: "the first three"}
VERDICTS = ("found", "inconclusive", "not found")
PEERS = {
    "kohort": "kohort",
    "confident_learning": "cleanlab, `confident_learning`",
    "prune_by_noise_rate": "cleanlab, `prune_by_noise_rate` (its default)",
    "both": "cleanlab, `both`",
}
HEADER = ["suspects of", "data", "suspects", "precision, %", "recall, %"]


def rates() -> str:
    """The section of KD104's page."""
    written = json.loads(FILE.read_text("utf-8"))
    return "\n".join(_parts(written))


def shift_rates() -> str:
    """The section of KD109's page."""
    written = json.loads(SHIFTS.read_text("utf-8"))
    rows = [
        [
            f"{cell['best possible AUC']:g}",
            f"{cell['mean AUC']:.3f}",
            *(str(cell["verdicts"].get(verdict, 0)) for verdict in VERDICTS),
        ]
        for cell in written["cells"]
    ]
    head = (
        f"Tables of {written['columns']} normal columns, {written['train']:,} training and "
        f"{written['test']:,} test samples, one column of which has another mean in the test set, "
        f"{written['draws']} tables of each kind (`benchmarks/shifts.py`). The nets see less than "
        "the best possible model would, so that a shift at the threshold is mostly missed:\n"
    )
    return f"{head}\n{table(['best possible AUC', 'mean AUC seen', *VERDICTS], rows)}"


def mixed_rates() -> str:
    """The section of KD105's page."""
    written = json.loads(PLANTED.read_text("utf-8"))
    cells = written["mixed"]
    head = (
        f"Three normal classes of {written['samples of a class']:,} samples, two of which overlap: "
        "the best possible rule takes so many of each for the other. Verdicts of "
        f"{_draws(cells)} draws of each kind (`benchmarks/planted.py`):\n"
    )
    rows = [[_percent(cell["best"]), *_seen(cell)] for cell in cells]
    tail = (
        "The nets mix up a little more than the best possible rule, and the rule is about what "
        "they do. It does not tell classes that overlap from labels given carelessly.\n"
    )
    names = ["best possible, %", "seen, %", *VERDICTS]
    return f"{head}\n{table(names, rows)}\n{tail}"


def giveaway_rates() -> str:
    """The section of KD107's page."""
    written = json.loads(PLANTED.read_text("utf-8"))
    told, explained = written["told"], written["explained"]
    head = (
        f"Tables of {written['columns']} normal columns, one of which tells the target, "
        f"{_draws(told)} of each kind (`benchmarks/planted.py`). Of two classes, by the balanced "
        "accuracy of the best possible rule of that column:\n"
    )
    names = ["rows", "best possible, %", "seen, %", *VERDICTS]
    of_classes = table(names, [[f"{c['rows']:,}", _percent(c["best"]), *_seen(c)] for c in told])
    middle = (
        "Bins that end wherever the class changes see less than there is: a column of 97 % is "
        "seen as one of 95 %. Of 10 columns and two classes, fewer than 104 rows of each show of "
        "no column that it lies above 95 %, not even of one that tells all of them (of one column "
        "51, of 100 columns 160): it is inconclusive, and the sentence names it. Of a number, by "
        "the part of its variance that is the column's:\n"
    )
    of_numbers = table(
        names, [[f"{c['rows']:,}", _percent(c["best"]), *_seen(c)] for c in explained]
    )
    tail = (
        "A column may be good and honest: the length of its petals alone tells the species of an "
        "iris in 96 % of cases, which is inconclusive.\n"
    )
    series = f"{_window_rates(written['windows'])}\n{_horizon_rates(written['horizons'])}"
    return f"{head}\n{of_classes}\n{middle}\n{of_numbers}\n{tail}\n{series}"


def _window_rates(cells: list[dict[str, Any]]) -> str:
    """How often windows were found to hold their target, by series and by where it lies."""
    few, many = sorted({cell["rows"] for cell in cells})
    head = (
        f"Windows of 12 steps, {_draws(cells)} draws each of {few:,} and of {many:,}: how "
        "many were found to give away their target, which is their own last step by mistake, the "
        "value after it, the sixth after it, or, of windows of every other value, the one after "
        "it that they leave out:\n"
    )
    return f"{head}\n{_by_series(cells, 'after')}\n"


def _horizon_rates(cells: list[dict[str, Any]]) -> str:
    """How often windows were found to hold the first of several values that are to be told."""
    few, many = sorted({cell["rows"] for cell in cells})
    head = (
        f"The same of targets of six values, {_draws(cells)} draws each of {few:,} and of "
        f"{many:,}, of which none, the first, or the first three lie in the window by mistake:\n"
    )
    named = [cell | {"within": WITHIN[cell["within"]]} for cell in cells]
    return f"{head}\n{_by_series(named, 'within')}"


def _by_series(cells: list[dict[str, Any]], place: str) -> str:
    """A table of how many were found, by series and by what cells name so."""
    found: dict[str, dict[str, list[int]]] = {}
    for cell in cells:
        of_series = found.setdefault(cell["series"], {}).setdefault(cell[place], [0, 0])
        of_series[0] += cell["verdicts"].get("found", 0)
        of_series[1] += sum(cell["verdicts"].values())
    names = ["series", *next(iter(found.values()))]
    body = [
        [name, *(f"{count} of {of}" for count, of in places.values())]
        for name, places in found.items()
    ]
    return table(names, body)


def _draws(cells: list[dict[str, Any]]) -> int:
    """Of how many draws each of the cells is."""
    (draws,) = {sum(map(int, cell["verdicts"].values())) for cell in cells}
    return draws


def _seen(cell: dict[str, Any]) -> list[str]:
    counts = [str(cell["verdicts"].get(verdict, 0)) for verdict in VERDICTS]
    return [_percent(cell["seen"]), *counts]


def _percent(part: float) -> str:
    return f"{100 * part:.1f}"


def _parts(written: dict[str, Any]) -> Iterable[str]:
    flipped = f"{100 * written['flipped']:g} %"
    results = written["results"]
    every = [one for of_data in results.values() for one in of_data]
    yield (
        f"Of three data sets {flipped} of the labels were flipped to another class at random "
        "(`benchmarks/labels.py`), and nets were trained on them: the built-in letters, the digits "
        "of scikit-learn, and notMNIST_small, whose labels are wrong here and there already. "
        f"cleanlab {every[0]['cleanlab']} was given the same predictions; the method is the same "
        f"as that of its filter `confident_learning`, {_agreement(every)}. Means over the draws: "
        f"{', '.join(f'{name} {len(of_data) - 1}' for name, of_data in results.items())}.\n"
    )
    rows = [
        [told, name, *_numbers([one["suspects"][peer] for one in of_data[1:]])]
        for name, of_data in results.items()
        for peer, told in PEERS.items()
    ]
    yield table(HEADER, rows)
    unflipped = ", ".join(
        f"{of_data[0]['suspects']['kohort']['count']:,} of {of_data[0]['samples']:,} of {name} "
        f"({100 * of_data[0]['suspects']['kohort']['count'] / of_data[0]['samples']:.1f} %)"
        for name, of_data in results.items()
    )
    yield f"Without any label flipped, suspects are {unflipped}.\n"
    clouds = written["overlapping"]
    yield (
        "Flips at random are easier to find than real errors, which are made where samples are "
        "hard. Classes that overlap give suspects though no label is wrong: of three normal "
        f"clouds, of which the nets tell {100 * clouds['accuracy']:.0f} %, "
        f"{100 * clouds['suspects']:.1f} % of the labels are suspect. That is why an accuracy is "
        "asked for before anything is found.\n"
    )


def _agreement(every: list[dict[str, Any]]) -> str:
    same = sum(one["same as cleanlab's"] for one in every)
    return f"and so were the suspects and their order in {same} of {len(every)} runs"


def _numbers(found: list[dict[str, float]]) -> list[str]:
    means = {name: sum(one[name] for one in found) / len(found) for name in found[0]}
    return [
        f"{means['count']:.0f}",
        f"{100 * means['precision']:.1f}",
        f"{100 * means['recall']:.1f}",
    ]
