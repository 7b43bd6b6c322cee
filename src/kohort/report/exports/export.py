"""Exports a study to files for other programs."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from kohort.errors import StoreError
from kohort.evidence.given_values import columns
from kohort.evidence.store.records import to_text
from kohort.evidence.whole_files import written_whole
from kohort.report.exports import event_files, mlflow_runs
from kohort.report.exports.study_export import StudyExport

TABLES: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": lambda table, path: table.to_csv(path, index=False),
    "parquet": lambda table, path: table.to_parquet(path, index=False),
}
FORMATS = (*TABLES, "tensorboard", "mlflow", "optuna")
_OTHER_FILES = (
    "arrow", "db", "feather", "gz", "html", "json", "jsonl", "md", "npz", "ods", "pdf", "pickle",
    "pkl", "pq", "sqlite", "tsv", "txt", "xls", "xlsx", "xml", "yaml", "yml", "zip",
)  # fmt: skip
"""Endings of files that are not written; other endings, as of `run-0.1`, are part of a name."""


def tables(study: StudyExport) -> dict[str, pd.DataFrame]:
    """The tables of a study.

    "curves" has a row per variant, replicate, part of the samples (`share`), epoch (from 1) and
    metric, with its `value`; "members" one per member, with its variant's arguments; "findings" one
    per finding; "recalls" one per variant, replicate and class: its validation `samples`, how many
    of them are `found`, and that part of them as `recall`.
    """
    curves = [
        (*member.key, epoch + 1, metric, value)
        for member in study.members
        for epoch, logs in sorted(member.epochs.items())
        for metric, value in logs.items()
    ]
    members = [
        (*member.key, len(member.epochs), member.finished, member.seconds)
        for member in study.members
    ]
    names = ["variant", "replicate", "share"]
    table = pd.DataFrame(members, columns=[*names, "epochs", "finished", "seconds"])
    arguments = columns([study.arguments[m.key.variant] for m in study.members], table.columns)
    recalls = pd.DataFrame(
        study.recalls, columns=["variant", "replicate", "class", "samples", "found"]
    )
    return {
        "curves": pd.DataFrame(curves, columns=[*names, "epoch", "metric", "value"]),
        "members": table.assign(**arguments),
        "findings": pd.DataFrame(
            [
                asdict(finding) | {"evidence": _strict(to_text(finding.evidence))}
                for finding in study.findings
            ],
            columns=["code", "variant", "verdict", "sentence", "advice", "evidence"],
        ),
        "recalls": recalls.assign(recall=recalls["found"] / recalls["samples"]),
    }


def export(study: StudyExport, path: Path, to: str | None = None) -> list[Path]:
    """Write a study for another program, whole or not at all.

    Tables ("csv" and "parquet") replace files of their names. "tensorboard", "mlflow" and "optuna"
    need a folder that does not exist yet: nothing is added to the files of another export.

    Args:
        study: The study.
        path: The folder to write to; missing folders above it are made.
        to: One of `FORMATS`. None writes only the curves, to one file, if `path` ends in ".csv" or
            ".parquet", in whatever case, and otherwise all tables as "csv".

    Returns:
        The paths of what was written.

    Raises:
        StoreError: The path cannot be written, is taken, or ends as another kind of file, the
            format is unknown, the package that writes it is not installed, or Optuna's trials are
            asked for of a study without scores.
    """
    try:
        return _write(study, path, to)
    except ImportError as error:
        kind = to or path.suffix.removeprefix(".").lower()
        raise StoreError(
            f"what writes {kind} files",
            "none installed",
            f'install it: pip install "kohort[{kind}]"',
        ) from error
    except UnicodeEncodeError as error:
        raise StoreError(
            "names that are text in UTF-8", ascii(error.object), "name it otherwise"
        ) from error
    except OSError as error:
        raise StoreError(
            f"a folder to write to at {path}", f"'{error.strerror or error}'", "name another"
        ) from error


def _write(study: StudyExport, path: Path, to: str | None) -> list[Path]:
    suffix = path.suffix.removeprefix(".").lower()
    if to is None and suffix in TABLES:
        with written_whole(path) as new:
            TABLES[suffix](tables(study)["curves"], new)
        return [path]
    if to is None and suffix in _OTHER_FILES and not path.is_dir():
        raise StoreError(
            "a file that ends in .csv or .parquet, or a folder",
            repr(path.name),
            f"name it {path.stem}.csv, or give a folder and a format among {list(FORMATS)}",
        )
    if to is None or to in TABLES:
        return _write_tables(study, path, to or "csv")
    if to not in FORMATS:
        raise StoreError(f"a format among {list(FORMATS)}", repr(to), "use one of them")
    if path.exists(follow_symlinks=False):
        raise StoreError(
            f"a folder to make, for {to}", f"{path}, which is there", "name another, or remove it"
        )
    with written_whole(path) as new:
        if to == "tensorboard":
            event_files.write(study, new)
            return [path]
        if to == "mlflow":
            mlflow_runs.write(study, new, path)
            return [path / mlflow_runs.DATABASE]
        from kohort.report.exports import optuna_trials

        optuna_trials.write(study, new)
        return [path / optuna_trials.DATABASE]


def _write_tables(study: StudyExport, folder: Path, to: str) -> list[Path]:
    """Write all tables to a temporary folder before the first is moved to its place."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        for name, table in tables(study).items():
            names.append(f"{name}.{to}")
            TABLES[to](table, Path(aside) / names[-1])
        return [(Path(aside) / name).replace(folder / name) for name in names]


def _strict(text: str) -> str:
    """JSON with null for NaN and infinities, which other readers of JSON refuse."""
    return json.dumps(json.loads(text, parse_constant=lambda _: None))
