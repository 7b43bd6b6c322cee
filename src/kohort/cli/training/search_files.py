"""Reads files that define a search, for the command line."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kohort.cli.study_files import defined_in
from kohort.data.dataset import Dataset
from kohort.errors import DesignError
from kohort.search import Search, search_of


def read_search(
    place: str, data: Dataset | None, *, trials: int | None, epochs: int | None
) -> Search:
    """The search that a file defines, with other trials or epochs where they are given.

    Args:
        place: `FILE.py`, or `FILE.py::NAME` where the search is not called `search`.
        data: As for `read_study`.
        trials: How many trials; None for those that it has.
        epochs: Its epochs; None likewise.

    Raises:
        DesignError: As `read_study`.
        DataError: As `read_study`.
    """
    defined, is_made = defined_in(place, "search", Search, data, _check_function)
    given = {"data": None if is_made else data, "trials": trials, "epochs": epochs}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return search_of(replace(defined.spec, **changed)) if changed else defined


def _check_function(name: str, function: Callable[..., Any]) -> None:
    """Refuse a build function of KerasTuner's kind in the place of a search.

    Raises:
        DesignError: It is one.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # a function of C
        return
    if parameters and (
        parameters[0].name == "hp" or "HyperParameters" in str(parameters[0].annotation)
    ):
        raise DesignError(
            f"a kohort.Search from {name}",
            f"a build({parameters[0].name}), which builds a model",
            'wrap it: search = kohort.Search("NAME", build, None, data, trials=32, epochs=27)',
        )
