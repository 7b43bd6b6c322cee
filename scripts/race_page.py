"""What races of trained nets saved and decided, as a table of Markdown."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.measured import table

FILE = Path(__file__).parents[1] / "benchmarks" / "results" / "races.json"
HEADER = ["", "built-in study", "notMNIST_small"]
KEYS = ("letters", "notMNIST_small")
TRAINED = {
    "trained": "trained, %",
    "oracle": "by an oracle, %",
    "oracle at each replicate": "by one that looks after each replicate, %",
}
WINNERS = ("the same", "equivalent", "undecided", "worse")
VERDICTS = {
    "decided alike": ("worse, worse", "equivalent, equivalent"),
    "worse in one, equivalent in the other": ("worse, equivalent", "equivalent, worse"),
    "decided by the fixed design alone": ("worse, undecided", "equivalent, undecided"),
    "decided by the race alone": ("undecided, worse", "undecided, equivalent"),
    "decided by neither": ("undecided, undecided",),
}
"""Kinds of pairs of verdicts, of the fixed design and of the race."""
ABOUT = """### Races of trained nets

`benchmarks/races.py` trains eight variants in {replicates} replicates, `Holdout(0.1)`, with {seeds}
seeds of each data set, and replays the race on the same curves: the built-in study, for {epochs}
epochs, and nets of one layer on notMNIST_small (a softmax, 10 to 200 units, 200 with dropout 0.2
and 0.5), for {few}. The margin is a point. "Trained" is the share of the members of the fixed
design, as mean ± standard deviation over seeds. The oracle knows what the fixed design says: a
variant leaves at the first look where a race's test gives that verdict with all of the error rate
to spend, or at the first look of all if the fixed design leaves it undecided; another one looks
after each replicate, from the second on. Verdicts are about each variant beside the winner, of
those that won in neither, over all seeds.
"""
END = """What it shows: a third of the training does not give these verdicts. Some variants are near
ties beside a margin of a point, and even an oracle with the race's looks trains {oracle[0]} and
{oracle[1]} % for them. The race trains {trained[0]} and {trained[1]} %, and has {alike[0]} of the
{of[0]} verdicts of the fixed design on the built-in study, {alike[1]} of {of[1]} on notMNIST_small.
What it lacks it leaves undecided: its last look may spend a fourteenth of the error rate. "Worse"
and "equivalent" are both true of a variant that is worse by less than the margin. What it does not
show: other data; seeds are other splits and trainings on the same.
"""


def trained_nets() -> str:
    """The section of docs/simulations.md."""
    written = json.loads(FILE.read_text("utf-8"))
    studies = [written[key] for key in KEYS]
    about = ABOUT.format(
        replicates=studies[0]["replicates"],
        seeds=" and ".join(dict.fromkeys(str(len(study["seeds"])) for study in studies)),
        epochs=studies[0]["epochs"],
        few=studies[1]["epochs"],
    )
    seeds = [study["seeds"] for study in studies]
    counted = [_verdicts(of_study) for of_study in seeds]
    undecided = VERDICTS["decided by the race alone"] + VERDICTS["decided by neither"]
    end = END.format(
        **{
            name: [f"{100 * np.mean([seed[name] for seed in of_study]):.0f}" for of_study in seeds]
            for name in ("trained", "oracle")
        },
        alike=[sum(found[pair] for pair in VERDICTS["decided alike"]) for found in counted],
        of=[found.total() - sum(found[pair] for pair in undecided) for found in counted],
    )
    return f"{about}\n{table(HEADER, _rows(seeds))}\n{end}"


def _verdicts(seeds: Sequence[dict[str, Any]]) -> Counter[str]:
    return sum((Counter(seed["verdicts"]) for seed in seeds), Counter())


def _rows(studies: Sequence[Sequence[dict[str, Any]]]) -> Iterable[list[str]]:
    for name, told in TRAINED.items():
        yield [told, *(_spread([100 * seed[name] for seed in study]) for study in studies)]
    for winner in WINNERS:
        told = f"winner {winner}" + (" as the fixed design's" if winner == "the same" else "")
        counts = [sum(seed["winner"] == winner for seed in study) for study in studies]
        yield [told, *map(str, counts)]
    counted = [_verdicts(study) for study in studies]
    for told, pairs in VERDICTS.items():
        yield [told, *(str(sum(of_study[pair] for pair in pairs)) for of_study in counted)]


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.0f} ± {np.std(values, ddof=1):.0f}"
