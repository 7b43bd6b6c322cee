"""Results of studies that a store keeps: what they are made of is kept, and made a Result again."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kohort.data.dataset import Dataset
from kohort.design import keras_seam
from kohort.design.replicates import Holdout, KFold
from kohort.design.variant import Variant
from kohort.errors import StoreError
from kohort.evidence.curves import SharedRecorder
from kohort.evidence.readings import KeptReadings
from kohort.evidence.settings import Settings
from kohort.evidence.store import KeptStudy, lasting, open_store
from kohort.findings.curves import Overlap
from kohort.member import members_of
from kohort.result import Result

_SPLITS: dict[str, Callable[..., Holdout | KFold]] = {"Holdout": Holdout, "KFold": KFold}


class Measured(NamedTuple):
    """What a result is made of, beside curves and weights.

    Args:
        settings: How the study was run.
        untrained_losses: By variant, before its first step.
        overlap: Copies in the data.
        parameters: Of each variant's model.
        restraints: Its parts that regularise.
        losses: What each is compiled with.
        pairs: Variant numbers of which the second adds something to the first.
    """

    settings: Settings
    untrained_losses: list[float]
    overlap: Overlap
    parameters: list[int]
    restraints: list[int]
    losses: list[str]
    pairs: list[tuple[int, int]]


def to_kept(measured: Measured) -> dict[str, Any]:
    """As JSON."""
    settings = asdict(measured.settings)
    settings |= {name: settings[name].isoformat() for name in ("started", "finished")}
    overlap = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in asdict(measured.overlap).items()
    }
    return measured._asdict() | {"settings": settings, "overlap": overlap}


def from_kept(kept: Mapping[str, Any]) -> Measured:
    """What `to_kept` made JSON of."""
    settings = dict(kept["settings"])
    settings |= {n: datetime.fromisoformat(settings[n]) for n in ("started", "finished")}
    settings["samples"] = tuple(settings["samples"])
    settings["shares"] = {name: tuple(shares) for name, shares in settings["shares"].items()}
    overlap: dict[str, Any] = {
        n: np.array(v) if isinstance(v, list) else v for n, v in kept["overlap"].items()
    }
    pairs = [(a, b) for a, b in kept["pairs"]]
    own = {"settings": Settings(**settings), "overlap": Overlap(**overlap), "pairs": pairs}
    return Measured(**(dict(kept) | own))


def open(  # noqa: A001 (as `kohort.open`)
    store: str | Path, name: str, data: Dataset | None = None
) -> Result:
    """The result of a study that a store keeps, as `Study.run` gave it at its end.

    Args:
        store: A path, or a URL, as in `Study.run`.
        name: What the study is called.
        data: Its data, which the store does not keep. None leaves out what needs them: the models,
            the test set, and so the report.

    Raises:
        StoreError: There is no such store or study, it has not been run to its end, or these are
            other data.

    Example:
        >>> kohort.open("kohort.db", "width").compare("units=50", "units=200")
    """
    with open_store(store, make=False) as opened:
        kept = opened.study(name)
        description = kept.description
        if "result" not in description:
            raise StoreError(
                "a study that was run to its end",
                f"{name!r}, which was not",
                "run it again: it goes on",
            )
        if data is not None and data.fingerprint != description["data"]:
            raise StoreError(
                f"the data of the study, of fingerprint {description['data']}",
                f"{data!r} of {data.fingerprint}",
                "give those that it was run with",
            )
        where = lasting(store)
        readings = None if where is None else KeptReadings(where, name)
        return _result(kept, description, data, readings)


def _result(
    kept: KeptStudy,
    description: Mapping[str, Any],
    data: Dataset | None,
    readings: KeptReadings | None,
) -> Result:
    measured = from_kept(description["result"])
    records = {record.name: record for record in kept.variants()}
    variants = tuple(
        Variant(name, partial(keras_seam.of_config, records[name].model))
        for name in measured.settings.epochs
    )
    curves = _curves(kept, measured.settings)
    members = {}
    if data is not None:
        splits = _SPLITS[description["kind of replicates"]](**description["replicates"])
        replicates = splits.replicates(data, measured.settings.seed)
        weights = _weights(kept, variants)
        members = members_of(variants, replicates, data, weights, curves.whole())
    numbers = {variant.name: number for number, variant in enumerate(variants)}
    seconds = {
        (numbers[record.key.variant], record.key.replicate): record.seconds or 0.0
        for record in kept.members()
        if record.key.share == 1
    }
    return Result(
        **measured._asdict(),
        variants=variants,
        data=data,
        curves=curves.whole(),
        partial_curves=curves.partial(),
        members=members,
        seconds=seconds,
        readings=readings,
        arguments={variant.name: records[variant.name].arguments for variant in variants},
    )


def _curves(kept: KeptStudy, settings: Settings) -> SharedRecorder:
    """All curves that are kept."""
    names = tuple(settings.epochs)
    numbers = {name: number for number, name in enumerate(names)}
    keys = [record.key for record in kept.members()]
    shape = 1 + max(key.replicate for key in keys), max(settings.epochs.values())
    recorder = SharedRecorder(names, *shape, [key.share for key in keys])
    for record in kept.epochs():
        variant, replicate, share = record.member
        recorder.record(share, numbers[variant], replicate, record.epoch, record.logs)
    return recorder


def _weights(
    kept: KeptStudy, variants: tuple[Variant, ...]
) -> dict[tuple[int, int], list[np.ndarray]]:
    """Of the members on all samples, by variant and replicate."""
    numbers = {variant.name: number for number, variant in enumerate(variants)}
    return {
        (numbers[record.key.variant], record.key.replicate): kept.weights(record.key)
        for record in kept.members()
        if record.key.share == 1
    }
