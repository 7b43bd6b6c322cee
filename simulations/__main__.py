"""Runs all simulations: `python -m simulations` writes docs/simulations.json.

`python -m simulations --only grouped/KH203` runs some, and leaves the rest of the file as it is.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from simulations import (
    axes,
    borrowed,
    classes,
    comparisons,
    coverage,
    errors,
    grouped,
    intervals,
    learning,
    race,
    rules,
    search_proof,
    speeds,
    winner,
)
from simulations.cell import SEED, Cell, merged, run

FILE = Path(__file__).parents[1] / "docs" / "simulations.json"
STUDIES, QUICK = 1500, 20
"""Simulated studies of a usual cell."""


def cells(studies: int) -> Iterator[Cell]:
    """All cells."""
    for module, factor in (
        (comparisons, 2),
        (coverage, 2),
        (intervals, 2),
        (learning, 1),
        (rules, 1),
        (classes, 1),
        (errors, 1),
        (speeds, 1),
        (winner, 1),
        (axes, 1),
        (race, 1),
        (search_proof, 1),
        (borrowed, 1),
        (grouped, 1),
    ):
        yield from module.cells(factor * studies)


def main(arguments: list[str] | None = None) -> None:
    """Simulate, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few studies of each kind")
    parser.add_argument(
        "--only", default="", help="only what has this in its key; the rest of the file stays"
    )
    parser.add_argument("--out", type=Path, default=FILE, help="default: %(default)s")
    options = parser.parse_args(arguments)
    chosen = [
        cell
        for cell in cells(QUICK if options.quick else STUDIES)
        if options.only in "/".join(cell.key)
    ]
    print(f"{sum(cell.studies for cell in chosen):,} simulated studies")
    results = run(chosen)
    if options.only and options.out.exists():
        results = merged(json.loads(options.out.read_text("utf-8"))["results"], results)
    report = {"seed": SEED, "results": results}
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
