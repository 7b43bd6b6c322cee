"""What is told of a search that is asked for more, before it trains."""

from collections.abc import Collection, Mapping
from typing import Any

from kohort.design.searches.draws import trial_name
from kohort.design.searches.rungs import Ladder, sound_first
from kohort.errors import count
from kohort.runs.retention.retaining import KEEP
from kohort.runs.searches.sameness import growth_text


def told_of_growth(
    name: str,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    climbs: Ladder,
    has_state: Collection[str],
    race: Mapping[str, Any] | None,
) -> list[str]:
    """By how much a search grows, and which of its trials train again what they trained before.

    Args:
        name: What the store calls it.
        before: Its description in the store.
        now: That of the search that is asked for.
        climbs: The rungs that it will have.
        has_state: The names of the trials whose states are kept.
        race: The description of the race of its finalists in the store; None without one.

    Returns:
        A sentence each; none where it does not grow.
    """
    grows = growth_text(before, now)
    if not grows:
        return []
    told = [f"{name} goes on and grows: {grows}"]
    anew = [t for t in _go_on(before, climbs) if trial_name(t["number"]) not in has_state]
    if anew:
        again = sum(trial["epochs"] for trial in anew)
        more = f"{count(again, 'epoch')} again" + ", and so do its finalists" * _begins_anew(race)
        told.append(
            f"{name} trains {count(len(anew), 'trial')} from the first epoch, {more}: it was kept "
            f"with keep={before.get(KEEP)!r}, without what more epochs go on from"
        )
    return told


def _begins_anew(race: Mapping[str, Any] | None) -> bool:
    """Whether members of a race train from their first epoch where they are asked for more."""
    return race is not None and "result" in race and race.get(KEEP) != "all"


def _go_on(before: Mapping[str, Any], climbs: Ladder) -> list[dict[str, Any]]:
    """The trials of a search that has ended which climb further, as their record has them.

    Those are all that reached its last rung; where that stays a rung, the best of them in each
    bracket.
    """
    record = before.get("record")
    if record is None or record["rungs"][-1] >= climbs.epochs[-1]:
        return []
    last = record["rungs"][-1]
    brackets: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for trial in record["trials"]:
        if last in dict(trial["scores"]):
            brackets.setdefault((trial["part"], trial["bracket"]), []).append(trial)
    if last not in climbs.epochs:
        return [trial for reached in brackets.values() for trial in reached]
    found = []
    for reached in brackets.values():
        scores = [dict(trial["scores"])[last] for trial in reached]
        losses = [trial["loss"] for trial in reached]
        order = sound_first(scores, losses, higher_is_better=record["higher_is_better"])
        found += [reached[place] for place in order[: climbs.kept(len(reached))]]
    return found
