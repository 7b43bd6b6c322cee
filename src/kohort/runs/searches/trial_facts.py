"""What a store keeps of a trial's model, and whether a model that is built now is the same."""

import json
import re
import reprlib
from collections.abc import Mapping
from typing import Any

from kohort.design.plan import MemberPlan
from kohort.design.searches.draws import trial_name
from kohort.errors import StoreError
from kohort.evidence.trials import Facts, digest_of
from kohort.runs.searches.sameness import DIGEST

_LAMBDA = '"__lambda__"'
_NUMBERED = re.compile(r'("name": "\w+?)_\d+"')
_FOLLOWS = {"build_config", "build_input_shape"}
"""Entries of a configuration that follow from others, or say less than they do."""


def planned_facts(plan: MemberPlan) -> Facts:
    """What is known of a trial that can be trained."""
    return Facts(plan.parameters, "", _compared(plan.model))


def most_telling(kept: Mapping[int, Facts | None]) -> int | None:
    """The trial to build again: one whose configuration is kept, whole if one is; None for none."""
    able = {n: len(facts.model) for n, facts in kept.items() if facts and not facts.failure}
    return max(able, key=able.__getitem__, default=None)


def check_model(search: str, number: int, kept: Facts | None, now: MemberPlan) -> None:
    """Refuse the model of a trial that is another than the one that was trained before.

    The source of the build function does not tell: it may call other functions, read globals and
    attributes, or hold values.

    Args:
        search: The search.
        number: Of the trial.
        kept: What the store has of it, if anything.
        now: Its plan; its model was built from the same arguments.

    Raises:
        StoreError: It is another one.
    """
    if kept is None or kept.failure:
        return
    facts, changes = planned_facts(now), []
    if kept.model and facts.model and kept.model not in (facts.model, digest_of(facts.model)):
        is_whole = len(kept.model) != DIGEST
        told = is_whole and _difference(json.loads(kept.model), json.loads(facts.model))
        changes.append(told or "its configuration")
    if kept.parameters != facts.parameters:
        changes.append(f"{kept.parameters} parameters before, {facts.parameters} now")
    if not changes:
        return
    raise StoreError(
        f"the model that {trial_name(number)} of {search!r} had",
        f"another one from the same arguments ({'; '.join(changes)})",
        "undo the change, which may be in what the build function calls or reads, give the search "
        "another name or store, or have it begin anew: fresh=True, or --fresh",
    )


def _compared(text: str) -> str:
    """The part of a configuration that tells one model from another, whichever process wrote it.

    Numbers of names that Keras gives count what a process has made before. Of lambdas Keras writes
    compiled code, with the numbers of its lines; those in a build function are compared with its
    source.
    """
    text = _NUMBERED.sub(r'\1"', text)
    return json.dumps(_without_code(json.loads(text)), sort_keys=True) if _LAMBDA in text else text


def _without_code(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_code(each) for each in part]
    if not isinstance(part, dict):
        return part
    is_lambda = part.get("class_name") == "__lambda__"
    return {
        name: {**each, "value": ""} if is_lambda and name == "config" else _without_code(each)
        for name, each in part.items()
    }


def _difference(before: Any, now: Any, of: str = "the model", name: str = "kind") -> str:
    """The first difference of two parts of configurations, in words.

    Args:
        before: One part.
        now: The other.
        of: The class that they are part of.
        name: What they are of it.
    """
    if isinstance(before, dict) and isinstance(now, dict):
        kinds = before.get("class_name"), now.get("class_name")
        if kinds[0] != kinds[1]:
            return f"{name} of {of}: {kinds[0]} before, {kinds[1]} now"
        of = str(kinds[0] or of)
        names = sorted({*before, *now} - _FOLLOWS, key=lambda name: (name != "config", name))
        unlike = [name for name in names if before.get(name) != now.get(name)]
        if unlike:
            return _difference(before.get(unlike[0]), now.get(unlike[0]), of, unlike[0])
    if isinstance(before, list) and isinstance(now, list):
        if len(before) == len(now):
            pairs = zip(before, now, strict=True)
            return next(_difference(a, b, of, name) for a, b in pairs if a != b)
        return f"number of {name} of {of}: {len(before)} before, {len(now)} now"
    return f"{name} of {of}: {reprlib.repr(before)} before, {reprlib.repr(now)} now"
