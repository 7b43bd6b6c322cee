"""Results of studies that a store keeps: they are put together again from what is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kohort.data.dataset import Dataset
from kohort.data.labels import as_numbers, possible_numbers
from kohort.design.replicates import Holdout, KFold
from kohort.design.validation import check_data
from kohort.design.variants import Variant
from kohort.errors import StoreError
from kohort.evidence.curves import Curves, SharedRecorder
from kohort.evidence.readings import KeptReadings
from kohort.evidence.record import Ended, from_json, raced, settings_from_json
from kohort.evidence.settings import Settings
from kohort.evidence.store import (
    KeptStudy,
    MemberKey,
    durable_location,
    open_store,
)
from kohort.evidence.trials import (
    SearchRecord,
    asked_since,
    has_raced,
    is_race_of,
    kept_name,
    search_from,
)
from kohort.keras_api.models import of_config
from kohort.member import Member
from kohort.report.exports.study_export import check_study
from kohort.result import Result
from kohort.runs.refitting import StoredRefits
from kohort.runs.retention.kept_members import MemberPlace, kept_members

_SPLITS: dict[str, Callable[..., Holdout | KFold]] = {"Holdout": Holdout, "KFold": KFold}


def open(  # noqa: A001 (as `kohort.open`)
    store: str | Path, name: str, data: Dataset | None = None
) -> Result:
    """The result of a study or search that a store keeps, as `run` gave it at its end.

    Args:
        store: A path, or a URL, as in `Study.run`.
        name: What the study or search is called.
        data: The study's data, which the store does not keep. None leaves out what needs them: the
            models, and the test set but for what was read of it before.

    Raises:
        StoreError: There is no such store or study, it has not been run to its end, or these are
            other data.

    Example:
        >>> import kohort
        >>> kohort.open("kohort.db", "width").winner
        'units=16'
        >>> kohort.open("kohort.db", "width", data).best().model().count_params()
        181
    """
    with open_store(store, make=False) as opened:
        kept = opened.study(name)
        description = kept.description
        check_study(name, description)
        if "result" not in description:
            raise StoreError(
                "a study that was run to its end",
                f"{name!r}, of which {_progress(kept)} members have finished",
                "run it again: it goes on",
            )
        if data is not None:
            check_data(data)
            data = _as_trained(data, description["data"])
        if data is not None and data.fingerprint != description["data"]:
            raise StoreError(
                f"the data of the study, of fingerprint {description['data']}",
                f"{data!r} of {data.fingerprint}",
                "give those that it was run with",
            )
        where = durable_location(store)
        readings = None if where is None else KeptReadings(where, name)
        result = _result(kept, description, data, readings, where)
        search = opened.find(kept_name(name))
        if search is None or not is_race_of(search.description, kept):
            return result
        searched = _searched(search, description)
        result.pending = asked_since(search.description, description)
        if searched is None:
            return result
        from kohort.runs.searches.search_result import SearchResult

        return SearchResult(result, searched)


def _as_trained(data: Dataset, fingerprint: str) -> Dataset:
    """The data as a study took them: with targets that name classes as numbers, where it did."""
    if data.fingerprint == fingerprint or possible_numbers(data) is None:
        return data
    numbers = as_numbers(data, "the study asks for them")
    return numbers if numbers.fingerprint == fingerprint else data


def _progress(kept: KeptStudy) -> str:
    members = [member for member in kept.members() if not member.key.is_refit]
    return f"{sum(member.finished is not None for member in members):,} of {len(members):,}"


def _searched(kept: KeptStudy, description: Mapping[str, Any]) -> SearchRecord | None:
    """The search of a race; None while it grows: its earlier race is that of other finalists."""
    search = kept.description
    if "record" not in search or not has_raced(search, description):
        return None  # Nothing of what its trials measured is read.
    searched = search_from(kept)  # Another process may have grown it meanwhile.
    is_same = searched is not None and [*searched.finalists] == search["record"]["finalists"]
    return searched if is_same else None


def _result(
    kept: KeptStudy,
    description: Mapping[str, Any],
    data: Dataset | None,
    readings: KeptReadings | None,
    where: str | None,
) -> Result:
    settings = settings_from_json(description["result"]["settings"])
    kept_variants = {variant.name: variant for variant in kept.variants()}
    variants = tuple(
        Variant(name, partial(of_config, kept_variants[name].model)) for name in settings.epochs
    )
    numbers = {name: number for number, name in enumerate(settings.epochs)}
    counted = raced(description["result"])
    stored = [
        member
        for member in kept.members()
        if not member.key.is_refit
        if counted is None or member.key.replicate < counted[member.key.variant]
    ]
    whole = {
        (numbers[member.key.variant], member.key.replicate): member
        for member in stored
        if member.key.share == 1
    }
    record = from_json(
        description["result"],
        {name: kept_variants[name].arguments for name in settings.epochs},
        _curves(kept, [member.key for member in stored], settings, numbers),
        {place: member.seconds or 0.0 for place, member in whole.items()},
    )
    record = replace(
        record,
        begun=kept.runs()[0].started,
        ended={
            (numbers[name], replicate, share): Ended(member.finished, member.seconds)
            for member in stored
            for name, replicate, share in [member.key]
            if member.finished is not None
        },
    )
    members, refits = dict[MemberPlace, Member](), None
    if data is not None:
        assert where is not None  # A store in memory has no study when it is opened.
        learned = frozenset(variant for variant, _ in record.configs)
        refits = StoredRefits(where, kept.name, settings.seed, variants, data, learned)
        splits = _SPLITS[description["kind of replicates"]](**description["replicates"])
        replicates = splits.replicates(data, settings.seed)
        weights = {place: kept.weights_of(member) for place, member in whole.items()}
        members = kept_members(variants, replicates, data, weights, record.whole)
        for place, config in record.configs.items():
            if place not in members:
                continue
            built = partial(of_config, config)
            variant = Variant(members[place].variant.name, built)
            members[place] = replace(members[place], variant=variant)
    return Result(record, variants, data, members, readings, refits)


def _curves(
    kept: KeptStudy,
    keys: Sequence[MemberKey],
    settings: Settings,
    numbers: Mapping[str, int],
) -> dict[float, Curves]:
    """The curves of members, by the part of the training samples that they trained on."""
    members = set(keys)
    shape = 1 + max(key.replicate for key in keys), max(settings.epochs.values())
    recorder = SharedRecorder(tuple(numbers), *shape, [key.share for key in keys])
    for record in kept.epochs():
        if record.member not in members:
            continue
        variant, replicate, share = record.member
        recorder.record(share, numbers[variant], replicate, record.epoch, record.logs)
    return recorder.curves()
