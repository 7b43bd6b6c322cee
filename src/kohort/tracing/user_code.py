"""Tells the user's code from code that is installed, and reports its errors in one line."""

import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

import jax
import keras

from kohort.errors import DesignError, KohortError, reason

_INSTALLED = tuple(
    Path(str(path)).resolve()
    for path in (
        *map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib")),
        *(Path(str(package.__file__)).parent for package in (jax, keras)),
        Path(__file__).parents[1],
    )
)
"""Folders of code that is not the user's."""


def is_installed(path: Path) -> bool:
    """Whether a file is one of Python's, of an installed package, or of kohort."""
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder) for folder in _INSTALLED)


@contextmanager
def reporting_user_code(
    kinds: tuple[type[BaseException], ...] = (Exception, SystemExit),
) -> Iterator[None]:
    """Turn errors of callbacks and other user code in the block into errors of one line.

    Errors that do not come from user code are raised as they are: they are bugs of kohort.

    Args:
        kinds: The errors that are the user's where they come from there.

    Raises:
        DesignError: User code raised an error.
    """
    try:
        yield
    except KohortError:
        raise
    except kinds as error:
        place = _place(error.__traceback__)
        if place is None:
            raise
        raise DesignError(
            "a study whose own code runs to its end",
            f"{type(error).__name__}: {reason(error)} from {place}",
            f"{_mend(place, error)}; what was kept stays, and the same run goes on from it",
        ) from error


def _mend(place: str, error: BaseException) -> str:
    """What to do about an error: Keras asks for a mode where it knows no metric of such a name."""
    if place.startswith("the callback") and "monitor=" in str(error):
        return (
            "spell monitor= as the metric is compiled, with val_ before it for validation, such as "
            "'val_accuracy' of metrics=['accuracy']; or give that callback a mode"
        )
    return "mend that"


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
    if not is_installed(path):
        return f"{code.co_qualname}, {path.name} line {line}"
    caller = frame.f_locals.get("self")
    if isinstance(caller, keras.callbacks.Callback) and not _is_ours(caller):
        return f"the callback {type(caller).__name__}"
    return None


def _is_ours(callback: keras.callbacks.Callback) -> bool:
    return type(callback).__module__.partition(".")[0] == "kohort"
