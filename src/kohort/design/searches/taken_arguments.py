"""Whether a build function takes the arguments that a variant or a search gives it."""

import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

from kohort.design.variants import BY_NAME, DATA, Variant
from kohort.errors import DesignError


def check_variants(variants: Sequence[Variant]) -> None:
    """Refuse a variant whose arguments its build function does not take, or that lacks one.

    Raises:
        DesignError: There is such a variant.
    """
    for variant in variants:
        check_arguments(variant.build, variant.kwargs, f"variant {variant.name!r}")


def check_arguments(
    build: Callable[..., Any], names: Collection[str], where: str = "the space"
) -> None:
    """Refuse arguments that a build function does not take, or that lack one.

    Args:
        build: The function. One that takes `**kwargs` takes all names.
        names: Of all arguments that it may get.
        where: What gives them.

    Raises:
        DesignError: They do not fit together.
    """
    parameters = _parameters(build)
    by_name = {each.name: each for each in parameters if each.kind in BY_NAME}
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)
    unknown = next((name for name in names if name not in by_name), None)
    if unknown is not None and not takes_all:
        raise DesignError(
            f"arguments that the build function takes ({', '.join(by_name) or 'none'})",
            f"{unknown!r} in {where}",
            f"mend the name in {where}, or add it to the function",
        )
    missing = [
        name
        for name, parameter in by_name.items()
        if parameter.default is inspect.Parameter.empty and name not in {*names, DATA}
    ]
    if missing:
        raise DesignError(
            f"a value in {where} for {missing[0]!r}, which the build function needs",
            "none",
            f"add it to {where}, or give it a default in the function",
        )


def _parameters(build: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        # What a decorator adds is not in the signature of the function inside.
        signature = inspect.signature(build, follow_wrapped=False)
    except (TypeError, ValueError):  # of some callables that are not written in Python
        return [inspect.Parameter("arguments", inspect.Parameter.VAR_KEYWORD)]
    return list(signature.parameters.values())
