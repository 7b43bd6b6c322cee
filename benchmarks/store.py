"""Time a large store: opening, listing, showing a study, its curves, and writing epochs.

    python -m benchmarks.store [--members 10000] [--epochs 20] [--metrics 5] [--place kohort.db]

The store holds members x epochs x metrics numbers, a million by default, and is made anew in a
temporary folder, or in an empty database that is named. Reading is timed in a store that was just
opened; each number is the median over `rounds`.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from kohort.evidence.store import KeptStudy, MemberKey, VariantRecord, open_store

VARIANTS = 100
APPENDED = 200
"""Epochs of all members of a cohort, appended one after another, to time one."""
COHORT = 32


def seconds[T](work: Callable[[], T]) -> float:
    """Wall seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def fill(study: KeptStudy, members: list[MemberKey], epochs: int, metrics: int) -> None:
    """Append all epochs of all members, epoch by epoch."""
    values = np.random.default_rng(0).random((epochs, len(members), metrics))
    for epoch in range(epochs):
        study.append(
            (member, epoch, {f"metric {n}": values[epoch, row, n] for n in range(metrics)})
            for row, member in enumerate(members)
        )


def appended(study: KeptStudy, members: list[MemberKey], epoch: int, metrics: int) -> float:
    """Seconds of appending one epoch of some members, in one transaction."""
    logs = {f"metric {n}": 1.0 / (n + 3) for n in range(metrics)}
    return seconds(lambda: study.append([(member, epoch, logs) for member in members]))


def report(what: str, times: list[float], records: int = 1) -> None:
    """Print the median of some times, for each of the records that each took."""
    each = statistics.median(times) / records
    spread = f"{min(times) / records * 1000:.2f} to {max(times) / records * 1000:.2f}"
    print(f"{what:<38} {each * 1000:10.2f} ms   ({spread})")


def main(
    members: Annotated[int, typer.Option(min=VARIANTS, help="Members of the study.")] = 10_000,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each member.")] = 20,
    metrics: Annotated[int, typer.Option(min=1, help="Metrics of each epoch.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each reading.")] = 5,
    place: Annotated[str, typer.Option(help="An empty place for the store.")] = "",
) -> None:
    """Print milliseconds for each thing that people wait for."""
    with tempfile.TemporaryDirectory() as folder:
        where = place or str(Path(folder) / "kohort.db")
        keys = [MemberKey(f"v{n % VARIANTS}", n // VARIANTS) for n in range(members)]
        variants = [VariantRecord(f"v{n}") for n in range(VARIANTS)]
        with open_store(where, files=folder) as store:
            print(f"create: {seconds(lambda: store.create('s', {}, variants, keys)):.2f} s")
            study = store.study("s")
            with study.claim():
                print(f"fill: {seconds(lambda: fill(study, keys, epochs, metrics)):.2f} s")
        time_reading(where, folder, rounds)
        time_writing(where, folder, keys, epochs, metrics)


def time_reading(where: str, folder: str, rounds: int) -> None:
    """Print how long it takes to open the store, to list it, and to show its study."""
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        started = time.perf_counter()
        with open_store(where, files=folder) as store:
            times.setdefault("open", []).append(time.perf_counter() - started)
            times.setdefault("list studies", []).append(seconds(store.studies))
            study = store.study("s")
            times.setdefault("show members", []).append(seconds(study.members))
            times.setdefault("read all curves", []).append(seconds(study.epochs))
    for what, measured in times.items():
        report(what, measured)


def time_writing(where: str, folder: str, keys: list[MemberKey], epoch: int, metrics: int) -> None:
    """Print how long it takes to append an epoch, of a cohort and of one member."""
    with open_store(where, files=folder) as store:
        study = store.study("s")
        with study.claim():
            many = [appended(study, keys[:COHORT], epoch + n, metrics) for n in range(APPENDED)]
            one = [appended(study, keys[-1:], epoch + n, metrics) for n in range(APPENDED)]
    report(f"append an epoch of {COHORT} members", many)
    report("  for each epoch record", many, COHORT)
    report("append an epoch of one member", one)


if __name__ == "__main__":
    typer.run(main)
