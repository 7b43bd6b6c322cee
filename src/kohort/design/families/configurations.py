"""The configurations of models that differ in numbers alone."""

import json
from typing import Any

import jax

from kohort.tracing.derived import Family
from kohort.tracing.followed import Numbers
from kohort.tracing.meanings import Observed


class Configurations:
    """The configurations of a family's members, as those of known ones tell.

    A number is what it was, or what its expression of the arguments gives. As with constants of
    steps nothing follows where both are possible and differ.

    Args:
        text: That of the first member, as of `config_text`.
        family: The family.
    """

    def __init__(self, text: str, family: Family) -> None:
        values, structure = jax.tree.flatten(json.loads(text))
        self._structure: Any = structure
        self._values: list[Any] = values
        self._meanings = family.meanings(list(map(_observed, values)))
        self._seen = {name: {number} for name, number in family.first.numbers.items()}

    def learn(self, text: str, numbers: Numbers) -> None:
        """Take note of the configuration of a further member."""
        values, structure = jax.tree.flatten(json.loads(text))
        if structure != self._structure:
            self._meanings.is_sound = False
            return
        for name, number in numbers.items():
            self._seen[name].add(number)
        self._meanings.rule_out(list(map(_observed, values)), numbers)

    def text(self, numbers: Numbers) -> str | None:
        """That of the member that has these numbers; None where it does not follow.

        It does not from members that all have one other number than this one for an argument: no
        step tells what is computed from a frozen layer's penalty. Nor does it where something else
        than the optimizer is compiled otherwise, or where a number is 0 of one member alone: a plan
        tells of losses, of metrics and of what is switched on.
        """
        seen = [(number, self._seen[name]) for name, number in numbers.items()]
        if any(number not in those and len(those) == 1 for number, those in seen):
            return None
        try:
            found = self._meanings.values(numbers) if self._meanings.is_sound else None
        except ArithmeticError:
            return None
        if found is None:
            return None
        values = [
            new if isinstance(value, float) else value
            for value, new in zip(self._values, found, strict=True)
        ]
        if [value == 0 for value in values] != [value == 0 for value in self._values]:
            return None
        config, first = (jax.tree.unflatten(self._structure, v) for v in (values, self._values))
        if _compiled(config) != _compiled(first):
            return None
        return json.dumps(config, sort_keys=True)


def _observed(value: Any) -> Observed:
    return value if isinstance(value, float) else repr(value)


def _compiled(config: Any) -> dict[str, Any]:
    """How a model is compiled, but for its optimizer."""
    compiled = dict(config.get("compile_config") or {})
    compiled.pop("optimizer", None)
    return compiled
