"""A cell: one way to simulate a study, repeated until its rates are known well enough."""

import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat

import numpy as np

SEED = 20250
CHUNK = 250
"""Studies that share a stream of random numbers; fixed, so that processes change no number."""

type Outcome = Mapping[str, float]
type Simulate = Callable[[np.random.Generator], Outcome]


@dataclass(frozen=True)
class Cell:
    """Studies simulated in one way.

    Args:
        key: Where its numbers stand in the file.
        simulate: Simulates and judges one study, and gives what is averaged over studies; of a
            module's top level (or a `partial` of such), since other processes run it.
        studies: How many.
    """

    key: tuple[str, ...]
    simulate: Simulate
    studies: int

    def chunks(self, seed: int) -> Iterator[partial[list[Outcome]]]:
        """The work, in pieces with random numbers of their own."""
        name = zlib.crc32("/".join(self.key).encode())
        for number, first in enumerate(range(0, self.studies, CHUNK)):
            count = min(CHUNK, self.studies - first)
            yield partial(_simulate, self.simulate, (seed, name, number), count)


def run(cells: Sequence[Cell], seed: int = SEED) -> dict[str, object]:
    """Simulate all cells on all cores.

    Args:
        cells: With keys of their own.
        seed: Same seed, same numbers.

    Returns:
        By key, nested: for each outcome its mean over studies and the mean's standard error, and
        the number of studies.
    """
    work = [(cell, chunk) for cell in cells for chunk in cell.chunks(seed)]
    outcomes: dict[tuple[str, ...], list[Outcome]] = {cell.key: [] for cell in cells}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for (cell, _), part in zip(work, pool.map(_call, (c for _, c in work)), strict=True):
            outcomes[cell.key].extend(part)
    results: dict[str, object] = {}
    for key, of_studies in outcomes.items():
        _put(results, key, summary(of_studies))
    return results


def merged(kept: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """Results of an earlier run, with those that were simulated anew in the place of their own.

    Args:
        kept: As `run` gives them.
        new: The same, of some cells.
    """
    results = dict(kept)
    for key, value in new.items():
        before = results.get(key)
        is_cell = isinstance(value, Mapping) and "studies" in value
        if isinstance(before, Mapping) and isinstance(value, Mapping) and not is_cell:
            results[key] = merged(before, value)
        else:
            results[key] = value
    return results


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Each outcome's mean over studies with its standard error, and how many studies there are.

    Where a study has none, such as the width of an interval that cannot be formed, it does not
    count.
    """
    summary: dict[str, object] = {}
    for name in outcomes[0]:
        values = np.array([outcome[name] for outcome in outcomes], float)
        values = values[np.isfinite(values)]
        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
        summary[name] = {"mean": round(float(values.mean()), 5), "se": round(float(error), 5)}
    return {**summary, "studies": len(outcomes)}


def _simulate(simulate: Simulate, seed: Sequence[int], count: int) -> list[Outcome]:
    random = np.random.default_rng(seed)
    return [simulate(random) for _ in repeat(None, count)]


def _call(chunk: partial[list[Outcome]]) -> list[Outcome]:
    return chunk()


def _put(results: dict[str, object], key: Sequence[str], value: object) -> None:
    *folders, last = key
    for folder in folders:
        inner = results.setdefault(folder, {})
        assert isinstance(inner, dict)
        results = inner
    results[last] = value
