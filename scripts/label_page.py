"""How often rules about data that train nets are right, as tables of Markdown."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts.measured import table

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
FILE, SHIFTS = RESULTS / "labels.json", RESULTS / "shifts.json"
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
