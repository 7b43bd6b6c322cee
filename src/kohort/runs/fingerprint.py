"""Describes a study as text, and compares it with the description in the store."""

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kohort.design.plan import MemberPlan, Plan
from kohort.design.spec import StudySpec
from kohort.design.variants import Variant, as_code
from kohort.design.weights import class_table, digest
from kohort.errors import StoreError
from kohort.evidence.store import MemberKey, VariantRecord
from kohort.findings.names import listing
from kohort.keras_api.callbacks import Callback

_MAY_GROW = ("repeats",)
"""Fields of `Holdout` and `KFold` that may grow: the first replicates stay as they are."""


@dataclass(frozen=True)
class Change:
    """How a study differs from the one in the store.

    Args:
        refused: Changes with which it cannot be resumed, each as "what: before, now".
        noted: Changes with which it can, but which are reported: versions, hardware.
        longer: Names of variants that train for more epochs than before.
    """

    refused: tuple[str, ...]
    noted: tuple[str, ...]
    longer: frozenset[str]


def describe(spec: StudySpec, plan: Plan, how: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that determines the numbers of a study, as JSON.

    Args:
        spec: The study.
        plan: Its plan.
        how: The engine, its precision, and the environment.
    """
    models = {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in _models(plan).items()
    }
    return {
        "data": spec.data.fingerprint,
        "kind of replicates": type(spec.splits).__name__,
        "replicates": asdict(spec.splits) | {"stratify": spec.strata.stratifies},
        "race": None if spec.race is None else {"first": spec.race.first, "looks": spec.race.looks},
        "batch size": spec.batch_size,
        "seed": spec.seed,
        "callbacks": _callbacks(spec),
        "epochs": {variant.name: spec.epochs_of(variant) for variant in spec.variants},
        **weights_of(spec),
        "sizes": {variant.name: list(spec.shares_of(variant)) for variant in spec.variants},
        "models": models,
        **how,
    }


def weights_of(spec: StudySpec) -> dict[str, Any]:
    """The weights with which a study trains: of classes by variant, of samples a digest."""
    return {
        "class weights": {
            variant.name: _class_weight(spec, variant)
            for variant in spec.variants
            if variant.name in spec.class_weights
        },
        "sample weights": None if spec.sample_weights is None else digest(spec.sample_weights),
    }


def _class_weight(spec: StudySpec, variant: Variant) -> str | dict[str, float]:
    """The weights of classes of a variant, by their names."""
    weights = spec.class_weights[variant.name]
    if isinstance(weights, str):
        return weights
    assert spec.labels is not None
    table = class_table(weights, spec.labels)
    return dict(zip(spec.labels.names, map(float, table), strict=True))


def variant_records(spec: StudySpec, plan: Plan) -> list[VariantRecord]:
    """The variants with the source of their build functions and their models' configuration."""
    models = _models(plan)
    return [
        VariantRecord(
            variant.name,
            source_of(variant.build),
            arguments_of(variant),
            models[variant.name],
        )
        for variant in spec.variants
    ]


def arguments_of(variant: Variant) -> dict[str, str]:
    """The arguments of its build function, as Python code."""
    return all_as_code(variant.kwargs)


def all_as_code(values: Mapping[str, Any]) -> dict[str, str]:
    """Values by name, as Python code."""
    return {name: as_code(value) for name, value in values.items()}


def source_of(function: Callable[..., Any]) -> str:
    """The source of a function; "" if it is unknown, as for one typed at a prompt."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def code_of(source: str) -> str:
    """The syntax tree of a source, without comments, docstrings and layout.

    A function with another body counts as changed, even if its model has the same configuration:
    what it does to random numbers and weights is not in the configuration.
    """
    try:
        tree = ast.parse(textwrap.dedent(source))
    except SyntaxError:  # such as one line of a call, with a lambda in it
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
            ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


def _models(plan: Plan) -> dict[str, str]:
    first = [member for member in plan.every_member if not member.replicate and member.share == 1]
    return {plan.variant_names[member.variant]: member.model for member in first}


def key_of(plan: Plan, member: MemberPlan) -> MemberKey:
    """The key of a planned member in a store."""
    return MemberKey(plan.variant_names[member.variant], member.replicate, member.share)


def change(
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    variants_before: list[VariantRecord],
    variants: list[VariantRecord],
) -> Change:
    """Compare a study with the one in the store."""
    refused = [
        f"{what}: {before[what]} before, {now[what]} now"
        for what in ("data", "kind of replicates", "batch size", "seed", "engine", "precision")
        if before[what] != now[what]
    ]
    if _compared(before["callbacks"]) != _compared(now["callbacks"]):
        refused.append("the callbacks")
    if before.get("sample weights") != now["sample weights"]:
        refused.append("the sample_weight")
    has_other_data = before["data"] != now["data"]
    if not has_other_data:  # Their labels and groups decide how replicates are drawn.
        refused += _replicates(before["replicates"], now["replicates"])
    if before.get("race") or len(variants_before) > 1:
        # One variant has no rival to race against: it may get some.
        refused += _race(before.get("race"), now["race"])
    refused += _epochs(before["epochs"], now["epochs"])
    if not has_other_data:  # Build functions may take them.
        refused += _variants(before, now, variants_before, variants)
    noted = [
        f"{what}: {before['environment'].get(what)} before, {value} now"
        for what, value in now["environment"].items()
        if before["environment"].get(what) != value
    ]
    if (race := before.get("race")) and now["race"]:
        pairs = [(race, now["race"], "looks"), (before["replicates"], now["replicates"], "repeats")]
        noted += [
            f"number of {what}: {old[what]} before, {new[what]} now"
            for old, new, what in pairs
            if old[what] != new[what]
        ]
    old = before["epochs"]
    longer = {name for name, epochs in now["epochs"].items() if epochs > old.get(name, epochs)}
    return Change(tuple(refused), tuple(noted), frozenset(longer))


def refusal(name: str, changed: Change) -> StoreError:
    """The error for a study that has changed so that it cannot be resumed."""
    return StoreError(
        f"the study {name!r} as it is kept",
        f"another one ({'; '.join(changed.refused)})",
        "undo the change, give the study another name or store, or have it begin anew: fresh=True, "
        "or --fresh",
    )


def _replicates(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{what} of replicates: {value} before, {now.get(what)} now"
        + (f" (stratify={value} goes on with what is kept)" if what == "stratify" else "")
        for what, value in before.items()
        if not (now.get(what) == value or (what in _MAY_GROW and now.get(what, 0) > value))
    ]


def _race(before: Mapping[str, int] | None, now: Mapping[str, int] | None) -> list[str]:
    """Why a race cannot go on; more looks, or others, it may have: nothing decided is kept."""
    if before is None or now is None:
        told = ["all" if race is None else "in looks" for race in (before, now)]
        return [] if before == now else [f"replicates: {told[0]} before, {told[1]} now"]
    if before["first"] == now["first"]:
        return []
    return [f"first of the race: {before['first']} before, {now['first']} now"]


def _epochs(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """Variants that would train fewer epochs than before; equal numbers are listed together."""
    fewer: dict[tuple[int, int], list[str]] = {}
    for name, epochs in before.items():
        if now.get(name, epochs) < epochs:
            fewer.setdefault((epochs, now[name]), []).append(repr(name))
    return [
        f"epochs of {listing(names)}: {old} before, {new} now"
        for (old, new), names in fewer.items()
    ]


def _variants(
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    variants_before: list[VariantRecord],
    variants: list[VariantRecord],
) -> list[str]:
    refused = []
    current = {record.name: record for record in variants}
    for old in variants_before:
        name, new = old.name, current.get(old.name)
        if new is None:
            refused.append(f"variants: {name!r} is not among them now")
            continue
        if (
            code_of(old.source) != code_of(new.source)
            or old.arguments != new.arguments
            or before["models"][name] != now["models"][name]
        ):
            refused.append(f"variant {name!r}: its build function, arguments or model")
        # Studies that were kept before there were weights have none.
        weights = [kept.get("class weights", {}).get(name) for kept in (before, now)]
        if weights[0] != weights[1]:
            refused.append(f"class_weight of {name!r}: {weights[0]} before, {weights[1]} now")
        if not set(before["sizes"][name]) <= set(now["sizes"][name]):
            refused.append(
                f"sizes of {name!r}: {before['sizes'][name]} before, {now['sizes'][name]} now"
            )
    return refused


_FUNCTION = "function"


def _compared(callbacks: list[Any]) -> list[Any]:
    """The part of `_callbacks` that must not change."""
    first, *rest = callbacks or [None]
    return [first, *map(code_of, rest)] if first == _FUNCTION else callbacks


def _callbacks(spec: StudySpec) -> list[Any]:
    """The callbacks with those of their settings that are plain values."""
    if callable(spec.callbacks):
        return [_FUNCTION, source_of(spec.callbacks)]
    return callback_settings(spec.callbacks)


def callback_settings(callbacks: Sequence[Callback]) -> list[Any]:
    """Callbacks with those of their settings that are plain values."""
    plain = (bool, int, float, str, type(None))
    return [
        [
            type(callback).__name__,
            {n: v for n, v in sorted(vars(callback).items()) if isinstance(v, plain)},
        ]
        for callback in callbacks
    ]
