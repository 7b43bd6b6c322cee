"""Decisions on samples: to keep, to leave out or to relabel; a table that a person edits."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from kohort.data.dataset import Dataset
from kohort.data.readers.table_files import DAMAGE, separator_of
from kohort.data.system import absent
from kohort.errors import DataError, reason

type Action = Literal["keep", "leave out", "relabel"]

ACTIONS: tuple[str, ...] = get_args(Action.__value__)


@dataclass(frozen=True)
class Decision:
    """What to do with a sample.

    Args:
        sample: Its number, from 0; training samples come first.
        place: Where it is, for people.
        label: Its class; "" where targets are no classes.
        codes: What it was listed for: codes of `kohort data check`, with blanks between.
        seen: The same in words.
        decision: "keep", "leave out" or "relabel".
        new_label: The class to give it; "" where there is none to suggest.
        checksum: Of the sample and its target, by which it is known again.
    """

    sample: int
    place: str
    label: str
    codes: str
    seen: str
    decision: Action
    new_label: str
    checksum: str


class Decided(NamedTuple):
    """What a table of decisions says.

    Args:
        decisions: Its rows.
        listed: How many rows were written, which may have been more; None where it is not told.
    """

    decisions: list[Decision]
    listed: int | None


COLUMNS = tuple(Decision.__dataclass_fields__)
_COUNT = re.compile(r"(\d{1,15}) rows")
_NEEDED = ("sample", "decision", "new_label", "checksum")


def checksum(data: Dataset, sample: int) -> str:
    """12 hexadecimal digits of a sample and its target, after an x."""
    train = len(data.x_train)
    x, y = (data.x_train, data.y_train) if sample < train else (data.x_test, data.y_test)
    row = sample if sample < train else sample - train
    content = np.ascontiguousarray(x[row]).tobytes() + np.ascontiguousarray(y[row]).tobytes()
    # Spreadsheets take digits alone, or around an e, for a number, and round it.
    return "x" + hashlib.blake2b(content, digest_size=6).hexdigest()


def write_decisions(path: Path, decisions: Sequence[Decision]) -> None:
    """Write decisions as CSV, a row for each sample.

    The name of an empty last column tells how many rows there are: of a table that was cut behind
    a row nothing else would.

    Raises:
        OSError: The file cannot be written.
    """
    rows = [asdict(decision) for decision in decisions]
    table = pd.DataFrame(rows, columns=[*COLUMNS, f"{len(rows)} rows"])
    table.to_csv(path, index=False, encoding="utf-8")


def read_decisions(path: Path, data: Dataset) -> Decided:
    """Read decisions on the samples of a dataset.

    The columns `sample`, `decision`, `new_label` and `checksum` count; what else there is may be
    changed or left out. A sample that has no row is kept.

    Raises:
        DataError: The file is no such table, a decision is none, or they are of other data.
    """
    try:
        # A class may be called NA.
        table = pd.read_csv(
            path, sep=separator_of(path), dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except FileNotFoundError as error:
        raise absent(path) from error
    except DAMAGE as error:
        raise DataError(
            "a table of decisions", f"{path} ({reason(error)})", "write one: kohort data check"
        ) from error
    lacking = [name for name in _NEEDED if name not in table.columns]
    if lacking:
        raise DataError(
            f"decisions with the columns {', '.join(_NEEDED)}",
            f"{path} without {', '.join(lacking)}",
            "write them again: kohort data check SRC --decisions FILE",
        )
    wide = table.reindex(columns=list(COLUMNS), fill_value="")
    rows = [dict(zip(COLUMNS, map(str, row), strict=True)) for row in wide.itertuples(index=False)]
    decisions = [_decision(row, data, path) for row in rows]
    numbers = [decision.sample for decision in decisions]
    twice = [number for number, count in Counter(numbers).items() if count > 1]
    if twice:
        told = f"sample {twice[0]} in several of {path}"
        raise DataError("one row for each sample", told, "leave one of them")
    counts = [found for name in table.columns if (found := _COUNT.fullmatch(name.strip()))]
    return Decided(decisions, int(counts[0][1]) if counts else None)


def _decision(row: dict[str, str], data: Dataset, path: Path) -> Decision:
    samples = len(data.x_train) + len(data.x_test)
    sample = int(row["sample"]) if row["sample"].isdecimal() else -1
    expected = checksum(data, sample) if 0 <= sample < samples else None
    given = row["checksum"].strip()
    if expected is not None and given != expected and expected.startswith(given):
        raise DataError(
            "decisions in whole rows",
            f"sample {sample} with {'a part of its' if given else 'no'} checksum in {path}",
            "write them again: kohort data check SRC --decisions FILE",
        )
    if given != expected:
        raise DataError(
            "decisions on these samples",
            f"sample {row['sample'] or 'without a number'} of other data in {path}",
            "read the data with the same options as kohort data check did, or write them again",
        )
    action = row["decision"].strip().lower()
    if action not in ACTIONS:
        raise DataError(
            f"a decision in {', '.join(ACTIONS)}",
            f"{row['decision']!r} for sample {sample} in {path}",
            "write one of them",
        )
    label = row["new_label"].strip()
    names = (data.class_names or ()) if data.classes else ()
    if action == "relabel" and label not in names:
        raise DataError(
            f"a new_label in {', '.join(names[:10])}" if names else "decisions without relabel",
            f"{label!r} for sample {sample} in {path}",
            "write one of the classes" if names else "keep it, or leave it out",
        )
    cells = {**row, "sample": sample, "decision": action, "new_label": label}
    return Decision(**cells)  # type: ignore[arg-type]
