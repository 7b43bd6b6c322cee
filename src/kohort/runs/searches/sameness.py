"""Whether a search is the one that a store keeps, or that one grown."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from kohort.design.searches.rungs import Ladder, Schedule
from kohort.design.searches.search_spec import SearchSpec
from kohort.design.variants import Variant
from kohort.errors import StoreError
from kohort.evidence.trials import GROWS, kept_name
from kohort.runs.fingerprint import callback_settings, code_of, source_of, weights_of

DIGEST = 64
"""Hexadecimal digits of a fingerprint."""
_NOT_COMPARED = ("environment", "schedule")
"""Versions may change; the schedule follows from what the search began with."""


def describe(spec: SearchSpec, how: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that determines the numbers of a search, as JSON."""
    splits, study = spec.race.splits, spec.trained_as((Variant("trial", spec.build),))
    weights = weights_of(study)
    return {
        "kind": "search",
        "data": spec.data.fingerprint,
        "space": spec.choices.told(),
        "build": code_of(source_of(spec.build)),
        "sampler": spec.sampler if isinstance(spec.sampler, str) else type(spec.sampler).__name__,
        "trials": spec.trials,
        "epochs": spec.epochs,
        "rungs": spec.rungs,
        "reduction": spec.reduction,
        "brackets": spec.brackets,
        "schedule": asdict(spec.schedule),
        "splits": {
            "kind": type(splits).__name__,
            **_without_count(asdict(splits)),
            "stratify": study.strata.stratifies,
        },
        "batch size": spec.batch_size,
        "seed": spec.seed,
        "callbacks": callback_settings(spec.callbacks),
        "class_weight": weights["class weights"].get("trial"),
        "sample_weight": weights["sample weights"],
        "scored by": [spec.metric, spec.mode],
        **how,
    }


def _without_count(splits: dict[str, Any]) -> dict[str, Any]:
    """Splits without the number of repeats: a search trains on the first."""
    return {name: value for name, value in splits.items() if name != "repeats"}


def check_same(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse a search that does not go on from the one that is kept.

    Raises:
        StoreError: It does not.
    """
    if before.get("kind") != "search":
        raise StoreError(
            f"a search under the name {kept_name(name)!r}", "a study", "choose another name"
        )
    if "schedule" not in before:
        raise StoreError(
            f"the search {name!r} as this version of kohort keeps it",
            "one of an earlier version",
            "give the search another name or store, or have it begin anew: fresh=True, or --fresh",
        )
    if changes := changed(before, now):
        told = [text for what in changes for text in _told(what, before[what], now[what])]
        raise StoreError(
            f"the search {name!r} as it is kept",
            f"another one ({'; '.join(told)})",
            "undo the change, give the search another name or store, or have it begin anew: "
            "fresh=True, or --fresh",
        )


def schedule_of(spec: SearchSpec, before: Mapping[str, Any]) -> Schedule:
    """What a search trains that goes on from the one that is kept."""
    kept = before["schedule"]
    climbs = kept["ladder"]
    rungs = {name: tuple(climbs[name]) for name in ("epochs", "begun")}
    return spec.grown_from(Schedule(Ladder(**climbs | rungs), tuple(kept["parts"])))


def growth_text(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """By what a search grows, in words; empty where it does not."""
    grown = [what for what in GROWS if now[what] > before[what]]
    return ", ".join(f"{what}: {before[what]} before, {now[what]} now" for what in grown)


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of a search is another than it was, and no growth."""
    now = json.loads(json.dumps(now))  # in JSON tuples are lists
    return [
        what
        for what in now
        if what not in _NOT_COMPARED and before.get(what) != now[what]
        if not (what in GROWS and now[what] > before[what])
    ]


def _told(what: str, before: Any, now: Any) -> list[str]:
    """A change in words, of a space each argument that has changed."""
    if what == "build":
        return ["the build function"]
    if what != "space":
        return [f"{what}: {_short(before)} before, {_short(now)} now"]
    lacks = "none"
    return [
        f"{name} of the space: {before.get(name, lacks)} before, {now.get(name, lacks)} now"
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    ]


def _short(value: Any) -> Any:
    """A value as it is shown; of a long digest the beginning."""
    return f"{value[:12]}..." if isinstance(value, str) and len(value) == DIGEST else value
