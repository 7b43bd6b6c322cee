"""From the records of single runs to a row for each work item and peer."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.work import Ceilings, least_seconds, named

REFERENCES = ("kohort", "kohort-bfloat16")


@dataclass(frozen=True)
class Ratio:
    """A peer's seconds over kohort's: the median over rounds, the lowest and the highest."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """What a peer reached on a work item: medians over its rounds; None where none can be seen.

    Args:
        work: The work item.
        peer: The peer.
        failed: Why there is nothing else, or "".
        epoch: Seconds per model and epoch, the first epoch left out; of a study, of the whole
            process.
        ratios: Of `epoch` to kohort's of the same round, by reference.
        accuracy: On validation samples: of a study, of its best variant.
        fraction: Of the machine's limit that `epoch` reached, from 0 to 1.
        imports: Seconds from the start of the process until all is imported.
        warm_up: Seconds of first epochs beyond what later ones took: building, compiling. Of the
            rounds after the first, where there are any, as `total`.
        total: Wall seconds of the process.
        totals: Ratios of `total`.
        cold: Of the process in the first round, when no cache on disk knew its programs.
        colds: Ratios of `cold`.
        compiling: Seconds of `cold` in which JAX compiled; None where another library did.
        peak_bytes: The largest resident memory.
        versions: Of the libraries.
    """

    work: str
    peer: str
    failed: str = ""
    epoch: float | None = None
    ratios: dict[str, Ratio | None] = field(default_factory=dict)
    accuracy: float | None = None
    fraction: float | None = None
    imports: float | None = None
    warm_up: float | None = None
    total: float | None = None
    totals: dict[str, Ratio | None] = field(default_factory=dict)
    cold: float | None = None
    colds: dict[str, Ratio | None] = field(default_factory=dict)
    compiling: float | None = None
    peak_bytes: int | None = None
    versions: dict[str, str] = field(default_factory=dict)


def ceilings_of(measured: Sequence[dict[str, Any]]) -> Ceilings:
    """The best that any round reached: a ceiling is not lowered by what else the machine did."""
    good = [one for one in measured if "failed" not in one]
    if not good:
        raise RuntimeError(f"no ceilings could be measured: {measured}")
    operations = {
        precision: max(one["operations"][precision] for one in good)
        for precision in good[0]["operations"]
    }
    copies = {int(size): max(one["copies"][size] for one in good) for size in good[0]["copies"]}
    return Ceilings(operations, copies)


def epoch_seconds(record: dict[str, Any], epochs: int) -> float:
    """Seconds per model and epoch: of later epochs; of a study, of the whole process.

    A study counts as a whole, as its end is a report, and not all peers show its epochs.
    """
    if named(record["work"]).is_study:
        return float(record["total"] / record["models"] / epochs)
    return float(statistics.median(record["epochs"]))


def summary(
    records: Sequence[dict[str, Any]], ceilings: Ceilings, samples: int, epochs: int
) -> list[Row]:
    """A row for each work item and peer, in the order in which they first ran.

    Args:
        records: Of all rounds.
        ceilings: Of the machine.
        samples: Training and validation samples.
        epochs: That each model was trained.
    """
    keys = list(dict.fromkeys((record["work"], record["peer"]) for record in records))
    by_key = {key: [r for r in records if (r["work"], r["peer"]) == key] for key in keys}
    return [_row(by_key, key, ceilings, samples, epochs) for key in keys]


def _row(
    by_key: dict[tuple[str, str], list[dict[str, Any]]],
    key: tuple[str, str],
    ceilings: Ceilings,
    samples: int,
    epochs: int,
) -> Row:
    work, peer = key
    of_key = _good(by_key[key])
    if not of_key:
        return Row(work, peer, failed=by_key[key][-1]["failed"])
    references = {name: _good(by_key.get((work, name), ())) for name in REFERENCES}
    taken = _by_round(of_key, lambda record: epoch_seconds(record, epochs))
    later = [record for record in of_key if record["round"] > 1] or of_key
    first = [record for record in of_key if record["round"] == 1]
    whole, cold = (_totals(records) for records in (later, first))
    epoch = statistics.median(taken.values())
    return Row(
        work,
        peer,
        epoch=epoch,
        ratios={
            name: _ratio(taken, _by_round(theirs, lambda record: epoch_seconds(record, epochs)))
            for name, theirs in references.items()
            if theirs
        },
        accuracy=statistics.median(max(record["accuracy"].values()) for record in of_key),
        fraction=least_seconds(named(work), of_key[0]["precision"], ceilings, samples) / epoch,
        imports=statistics.median(record["imports"] for record in of_key),
        warm_up=_median([_warm_up(record) for record in later]),
        total=_median(list(whole.values())),
        totals={name: _ratio(whole, _totals(theirs)) for name, theirs in references.items()},
        cold=_median(list(cold.values())),
        colds={name: _ratio(cold, _totals(theirs)) for name, theirs in references.items()},
        compiling=_median([record.get("compiling") for record in first]),
        peak_bytes=max(record["peak_bytes"] for record in of_key),
        versions=of_key[-1]["versions"],
    )


def _good(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if "failed" not in record]


def _by_round(
    records: Sequence[dict[str, Any]], seconds: Callable[[dict[str, Any]], float]
) -> dict[int, float]:
    return {record["round"]: seconds(record) for record in records}


def _totals(records: Sequence[dict[str, Any]]) -> dict[int, float]:
    """Of what trained all models."""
    return _by_round([r for r in records if r["all_models"]], lambda record: record["total"])


def _median(values: Sequence[float | None]) -> float | None:
    seen = [value for value in values if value is not None]
    return statistics.median(seen) if seen else None


def _warm_up(record: dict[str, Any]) -> float | None:
    if record["first"] is None or not record["epochs"]:
        return None
    return float(record["first"] - record["models"] * statistics.median(record["epochs"]))


def _ratio(ours: dict[int, float], theirs: dict[int, float]) -> Ratio | None:
    """Round by round; None where no round has both."""
    each = [ours[number] / theirs[number] for number in ours if number in theirs]
    return Ratio(statistics.median(each), min(each), max(each)) if each else None
