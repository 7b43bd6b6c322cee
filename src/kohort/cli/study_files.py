"""Reads study files: Python files that define a study, for the command line."""

import inspect
import runpy
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kohort.cli.reading import check_study_file
from kohort.data.dataset import Dataset
from kohort.design.races import until_decided
from kohort.design.whole_data import AllSamples
from kohort.errors import DataError, DesignError, KohortError, reason
from kohort.study import Study, study_of


def read_study(place: str, data: Dataset | None) -> Study:
    """The study that a file defines.

    Args:
        place: `FILE.py`, or `FILE.py::NAME` where the study is not called `study`.
        data: The argument of a study that is a function of a dataset; for other studies, and for
            functions that take none, it replaces their data, unless it is None.

    Raises:
        DesignError: There is no such file, it fails, or it does not define such a study.
        DataError: The study needs data, and there are none.
    """
    defined, is_made = defined_in(place, "study", Study, data)
    return defined if is_made or data is None else adjusted(defined, data=data)


def defined_in[T](
    place: str,
    usual: str,
    kind: type[T],
    data: Dataset | None,
    check: Callable[[str, Callable[..., Any]], None] = lambda _name, _function: None,
) -> tuple[T, bool]:
    """What a file defines under a name, and whether a function that takes the data made it.

    A function that needs no data is called without where there are none.

    Args:
        place: `FILE.py`, or `FILE.py::NAME`.
        usual: The name where none is given.
        kind: What it is to be.
        data: The argument of a function that takes one; None for none.
        check: Refuses a function of that name that is none of the data.
    """
    file, _, name = place.partition("::")
    name, path, told = name or usual, check_study_file(place), f"kohort.{kind.__name__}"
    # Modules beside it are found, as where Python runs it; the last in the list hide no others.
    if (folder := str(path.absolute().parent)) not in sys.path:
        sys.path.append(folder)
    names = _call(path, lambda: runpy.run_path(file))
    defined = names.get(name)
    if isinstance(defined, kind):
        return defined, False
    if not callable(defined):
        raise DesignError(
            f"{name!r} in {file}: a {told}, or a function from a Dataset to one",
            "nothing of that name" if defined is None else type(defined).__name__,
            _where_else(usual, name, names),
        )
    check(f"{name!r} of {file}", defined)
    takes, needs = _data_of(defined)
    if needs and data is None:
        raise DataError(f"data for {name!r} of {file}", "none", "pass --data SRC, such as letters")
    given = [data] if takes and data is not None else []
    made = _call(path, lambda: defined(*given))
    if not isinstance(made, kind):
        raise DesignError(
            f"a {told} from {name!r} of {file}", type(made).__name__, f"return a {kind.__name__}"
        )
    return made, takes


def _data_of(function: Callable[..., Any]) -> tuple[bool, bool]:
    """Whether a function takes the data, as its first argument; and whether it needs them."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a function of C
        return True, True
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    )
    first = next((parameter for parameter in parameters if parameter.kind in positional), None)
    if first is None:
        return False, False
    is_optional = first.kind is first.VAR_POSITIONAL or first.default is not first.empty
    return True, not is_optional


def _where_else(usual: str, name: str, names: Mapping[str, Any]) -> str:
    """What to do about a file without what was wanted: it may be one for the other command."""
    command, other = {"study": ("search", "search"), "search": ("run", "study")}[usual]
    if type(names.get(name)).__name__ == other.capitalize():
        return f"kohort {command} takes it"
    if name == usual and names.get(name) is None and names.get(other) is not None:
        return f"it defines {other!r}, which kohort {command} takes"
    return "define it at the top level of the file"


def adjusted(
    study: Study,
    *,
    data: Dataset | None = None,
    epochs: int | None = None,
    replicates: int | None = None,
    races: bool = False,
    name: str | None = None,
) -> Study:
    """The same study with other data, epochs, or number of replicates (repeats, or folds).

    Args:
        study: The study.
        data: Its data; None for those that it has.
        epochs: Its epochs; None likewise.
        replicates: Repeats or folds; None likewise.
        races: Whether its replicates come in looks, until it is decided.
        name: Its name; None for the one that it has.
    """
    changed: dict[str, Any] = {}
    if data is not None:
        changed["data"] = data.by_name() if study.data.named else data
    if epochs is not None:
        changed["epochs"] = epochs
    if name is not None:
        changed["name"] = name
    given = study.spec.replicates
    assert not isinstance(given, AllSamples)  # No user's study is a refit.
    if races:
        changed["replicates"] = until_decided(given, replicates)
    elif replicates is not None:
        changed["replicates"] = given.resized(replicates)
    return study_of(replace(study.spec, **changed))


def _call[T](path: Path, action: Callable[[], T]) -> T:
    """Run a user's code; its errors are reported in one line, with the line of the file."""
    try:
        return action()
    except (KohortError, KeyboardInterrupt):
        raise
    except BaseException as error:
        line = _line_of(path, error)
        text = reason(error)
        raise DesignError(
            f"{path} to run",
            type(error).__name__
            + (f" at line {line}" if line else "")
            + (f": {text}" if text != type(error).__name__ else ""),
            "mend the file",
        ) from error


def _line_of(path: Path, error: BaseException) -> int | None:
    """The line of the file where an error occurred; None if it is not in the file."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path]
    return lines[-1] if lines else None
