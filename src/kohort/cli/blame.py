"""Reports errors from a study's user code in one line, with the place where they occurred."""

import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

import jax
import keras

import kohort
from kohort.errors import DesignError, KohortError, reason

_OTHERS = tuple(
    Path(str(path)).resolve()
    for path in (
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(Path(str(package)).parent for package in (kohort.__file__, jax.__file__, keras.__file__)),
    )
)
"""Folders of code that is not user code."""


@contextmanager
def reporting_user_code() -> Iterator[None]:
    """Turn errors of callbacks and other user code in the block into errors of one line.

    Errors that do not come from user code are raised as they are: they are bugs of kohort.

    Raises:
        DesignError: User code raised an error.
    """
    try:
        yield
    except KohortError:
        raise
    except (Exception, SystemExit) as error:
        place = _place(error.__traceback__)
        if place is None:
            raise
        raise DesignError(
            "a study whose own code runs to its end",
            f"{type(error).__name__}: {reason(error)} from {place}",
            "mend that; what was kept stays, and the same run goes on from it",
        ) from error


def _place(trace: TracebackType | None) -> str | None:
    """The place of the innermost user code in a traceback; None if there is none."""
    found = None
    while trace is not None:
        found = _user_code(trace.tb_frame, trace.tb_lineno) or found
        trace = trace.tb_next
    return found


def _user_code(frame: FrameType, line: int) -> str | None:
    """Describes the user code of a frame; None if it is other code."""
    code = frame.f_code
    path = Path(code.co_filename)
    if code.co_filename.startswith("<"):  # made by a library, while it runs
        return None
    if not any(path.resolve().is_relative_to(folder) for folder in _OTHERS):
        return f"{code.co_qualname}, {path.name} line {line}"
    caller = frame.f_locals.get("self")
    if isinstance(caller, keras.callbacks.Callback) and not _is_ours(caller):
        return f"the callback {type(caller).__name__}"
    return None


def _is_ours(callback: keras.callbacks.Callback) -> bool:
    return type(callback).__module__.partition(".")[0] == "kohort"
