"""Races against a fixed design of 20 replicates: the same verdicts, for how much of the training?

    python -m benchmarks.races --stores DIR [--data notMNIST_small.tar.gz] [--first 0] [--seeds 10]

Each seed trains the fixed design once, in a store, and replays the race on its curves, which are
those that the race would have trained. benchmarks/results/races.json has what each seed gave, by
data set; a run with `--data` adds to what is there, and one with `--first 7` trains seed 7 and
those after it, and keeps what the seeds before it gave. What a seed gave is written when it ends.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import kohort
from kohort.cli.training.letters_study import build_mlp, letters_study
from kohort.findings.families import corrected_comparison
from kohort.findings.from_record import study_curves
from kohort.findings.judged import StudyCurves
from kohort.findings.paired.look import Measured, Stand, of_look
from kohort.findings.race import RaceState, replay

FILE = Path(__file__).parent / "results" / "races.json"
REPLICATES, SEEDS = 20, 10
EPOCHS, FEW = 6, 4
"""Of the built-in study, and of other data."""


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=Path, required=True, help="where studies are kept")
    parser.add_argument("--data", help="other images than the built-in ones, for small nets")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many; default: %(default)s")
    parser.add_argument("--first", type=int, default=0, help="the first seed to train; default: 0")
    parser.add_argument("--out", type=Path, default=FILE, help="default: %(default)s")
    options = parser.parse_args()
    if not 0 <= options.first < options.seeds:
        parser.error(f"--first must be 0 to {options.seeds - 1}, below --seeds: {options.first}")
    data = kohort.load(options.data or "letters")
    studies = [
        (small_nets if options.data else built_in)(data, seed)
        for seed in range(options.first, options.seeds)
    ]
    written = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
    about = {
        "epochs": studies[0].epochs,
        "variants": [variant.name for variant in studies[0].variants],
        "replicates": REPLICATES,
    }
    try:
        found = earlier(written.get(data.name, {"seeds": []}), about, options.first)
    except ValueError as wrong:
        parser.error(f"{options.out}, {data.name}: {wrong}")
    for study in studies:
        result = study.run(options.stores / f"{data.name}.db", verbose=0)
        found.append(beside_fixed(study_curves(result.record)))
        print(data.name, study.spec.seed, json.dumps(found[-1]), flush=True)
        written[data.name] = {**about, "seeds": found}
        options.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {options.out}")


def earlier(written: dict[str, Any], about: dict[str, Any], first: int) -> list[dict[str, Any]]:
    """What the seeds before the first one gave, as it was written for the data set.

    Raises:
        ValueError: Seeds are missing, or their studies were not those that are to be trained.
    """
    kept: list[dict[str, Any]] = written["seeds"][:first]
    if len(kept) < first:
        raise ValueError(f"expected seeds 0 to {first - 1}, got {len(kept)}: lower --first")
    for name, expected in about.items():
        if kept and written[name] != expected:
            raise ValueError(f"expected {name} {expected}, got {written[name]}: leave --first out")
    return kept


def built_in(data: kohort.Dataset, seed: int) -> kohort.Study:
    """The study of `kohort demo`, without its learning curve."""
    return fixed(data, letters_study(data).variants, EPOCHS, seed)


def small_nets(data: kohort.Dataset, seed: int) -> kohort.Study:
    """Nets of one layer, which differ more than those of the built-in study, and train fast."""
    shape = {"input_shape": data.input_shape, "classes": data.classes}
    widths = [
        kohort.Variant(f"{units or 'softmax'}", build_mlp, **shape, units=(units,) if units else ())
        for units in (0, 10, 25, 50, 100, 200)
    ]
    dropout = [
        kohort.Variant(f"200 dropout {rate}", build_mlp, **shape, units=(200,), dropout=rate)
        for rate in (0.2, 0.5)
    ]
    return fixed(data, [*widths, *dropout], FEW, seed)


def fixed(
    data: kohort.Dataset, variants: Sequence[kohort.Variant], epochs: int, seed: int
) -> kohort.Study:
    """All replicates of all variants."""
    return kohort.Study(
        f"seed {seed}",
        variants,
        data,
        replicates=kohort.Holdout(0.1, repeats=REPLICATES),
        epochs=epochs,
        batch_size=256,
        seed=seed,
    )


def beside_fixed(study: StudyCurves) -> dict[str, Any]:
    """What a race trains and decides, beside the fixed design with the same curves.

    Returns:
        The parts of the members that the race trains, and oracles that look as it does or after
        each replicate; what the fixed design says of the race's winner; and of each variant that
        won in neither the two verdicts, counted.
    """
    sizes = kohort.Race(kohort.Holdout(0.1, repeats=REPLICATES)).sizes
    state = replay(replace(study, looks=sizes), sizes)
    best, leader, every = study.lowest, state.leader, range(len(study.variants))
    assert best is not None
    assert leader is not None
    verdicts = [
        f"{of_fixed(study, n, best)}, {of_race(state, n)}" for n in every if n not in (best, leader)
    ]
    return {
        "trained": trained(state, len(every)) / (len(every) * sizes[-1]),
        "oracle": oracle(study, best, sizes) / (len(every) * sizes[-1]),
        "oracle at each replicate": oracle(study, best, range(2, 1 + REPLICATES))
        / (len(every) * REPLICATES),
        "ends": state.ends,
        "winner": "the same" if leader == best else of_fixed(study, leader, best),
        "verdicts": dict(sorted(Counter(verdicts).items())),
    }


def trained(state: RaceState, variants: int) -> int:
    """The members of a race."""
    sizes = np.zeros(variants, int)
    for look in state.looks:
        sizes[[number for number in (*look.standings, look.leader) if number is not None]] = (
            look.replicates
        )
    return int(sizes.sum())


def oracle(study: StudyCurves, best: int, sizes: Sequence[int]) -> int:
    """The members of a race that knows what the fixed design will say.

    A variant leaves at the first look where the test of a race gives the verdict of the fixed
    design, with all of the error rate to spend; at the first of all where there will be none.
    """
    every = range(len(study.variants))
    verdicts = {n: of_fixed(study, n, best) for n in every if n != best}
    leaves: dict[int, int] = {}
    for size in sizes:
        part = replace(study, variants=tuple(v.first(size) for v in study.variants))
        scores = of_look(study, part, Stand(every, best), Measured()).scores
        for number, verdict in verdicts.items():
            compared = scores[min(number, best), max(number, best)]
            is_worse = compared.better == study.variants[best].name
            seen = {"worse": is_worse, "equivalent": compared.is_equivalent, "undecided": True}
            if seen[verdict]:
                leaves.setdefault(number, size)
    trained_by_each = [leaves.get(number, sizes[-1]) for number in verdicts]
    return sum(trained_by_each) + max(trained_by_each)


def of_fixed(study: StudyCurves, number: int, best: int) -> str:
    """What the fixed design says of a variant beside its winner."""
    compared = corrected_comparison(study, number, best)
    if compared.better == study.variants[best].name:
        return "worse"
    return "equivalent" if compared.is_equivalent else "undecided"


def of_race(state: RaceState, number: int) -> str:
    """What a race said of a variant when it left."""
    left = state.left.get(number)
    said = "open" if left is None else left.verdicts[number]
    return said if said in ("worse", "equivalent") else "undecided"


if __name__ == "__main__":
    main()
