"""The same study on clean data: made, and found again beside the one on the raw data."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from kohort.cli.reading import check_clean_file, data_of
from kohort.cli.study_files import adjusted, read_study
from kohort.data.dataset import Dataset
from kohort.data.labels import as_numbers
from kohort.errors import DesignError, StoreError, legible
from kohort.evidence.store import durable_location, open_store
from kohort.evidence.store.connect import has_bytes
from kohort.report.cleaned.pairs import Side, check_pair
from kohort.result import Result
from kohort.runs.loading import open as open_result
from kohort.study import Study

CLEAN = "clean"
"""The folder, in that of a report, for the same study on clean data."""
_SUFFIX = ", clean data"


def clean_study(
    place: str, source: Path, raw: Study, epochs: int | None, replicates: int | None
) -> Study:
    """The same study on clean data; it is kept under a name of its own.

    Raises:
        DataError: The file is none that `kohort data clean` writes.
        DesignError: Its data were not cleaned from those of the study, or weigh otherwise, or it is
            a race.
    """
    check_clean_file(source)
    data = data_of(str(source), {})
    assert data is not None
    taken = data.by_name() if raw.data.named else data
    if raw.data.classes is None and taken.raw and taken.raw.as_numbers:
        taken = as_numbers(taken, "the study on the raw data asks for them")
    check_pair(
        _side(raw.data, str(raw.data.name), is_race=raw.spec.race is not None),
        _side(taken, str(source), is_race=False),
    )
    data = replace(data, sample_weight=_weights(raw.data, data, source))
    study = read_study(place, data)
    return adjusted(study, epochs=epochs, replicates=replicates, name=f"{study.name}{_SUFFIX}")


def check_kept(study: Study, store: str) -> None:
    """Refuse a study that is kept with other data, before the one on raw data is trained.

    Raises:
        StoreError: It is.
    """
    location = durable_location(store)
    if location is None or not ("://" in location or has_bytes(Path(location))):
        return
    with open_store(store, make=False) as opened:
        kept = opened.find(study.name)
        is_other = kept is not None and kept.description["data"] != study.data.fingerprint
    if is_other:
        raise StoreError(
            f"{study.name!r} on the data that it is kept with in {store}",
            "data that were cleaned otherwise",
            "name another --store, or train both studies anew: --fresh",
        )


def raw_result(store: str, name: str) -> Result | None:
    """The kept result of the same study on raw data; None where there is none to end."""
    raw = name.removesuffix(_SUFFIX)
    if raw == name:
        return None
    with open_store(store, make=False) as opened:
        kept = opened.find(raw)
        has_ended = kept is not None and "result" in kept.description
    return open_result(store, raw) if has_ended else None


def _weights(raw: Dataset, clean: Dataset, source: Path) -> np.ndarray | None:
    """The weights of the clean samples among those of the raw data; None without any.

    Raises:
        DesignError: The file has others: a verdict could turn by them alone.
    """
    assert clean.raw is not None
    weights = None if raw.sample_weight is None else raw.sample_weight[clean.raw.rows]
    kept = clean.sample_weight
    if kept is not None and (weights is None or not np.array_equal(kept, weights)):
        raise DesignError(
            "samples that weigh the same in the raw and in the clean data",
            f"other weights in {legible(str(source))}",
            "read both with the same options",
        )
    return weights


def _side(data: Dataset, told: str, *, is_race: bool) -> Side:
    raw_data = "" if data.raw is None else data.raw.fingerprint
    return Side(legible(told), data.fingerprint, raw_data, is_race)
