"""What a store holds of a study, as files for other programs."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from kohort.errors import StoreError
from kohort.evidence.files import written_whole
from kohort.evidence.store import KeptStudy
from kohort.evidence.store.records import to_text

FORMATS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": lambda table, path: table.to_csv(path, index=False),
    "parquet": lambda table, path: table.to_parquet(path, index=False),
}


def tables(kept: KeptStudy) -> dict[str, pd.DataFrame]:
    """The tables of a study.

    "curves" has a row per variant, replicate, part of the samples (`share`), epoch (from 1) and
    metric, with its `value`; "members" one per member; "findings" one per finding.
    """
    curves = [
        (*record.member, record.epoch + 1, metric, value)
        for record in kept.epochs()
        for metric, value in record.logs.items()
    ]
    members = [
        (*record.key, record.epochs, record.finished, record.seconds) for record in kept.members()
    ]
    names = ["variant", "replicate", "share"]
    return {
        "curves": pd.DataFrame(curves, columns=[*names, "epoch", "metric", "value"]),
        "members": pd.DataFrame(members, columns=[*names, "epochs", "finished", "seconds"]),
        "findings": pd.DataFrame(
            [
                asdict(finding) | {"evidence": to_text(finding.evidence)}
                for finding in kept.findings()
            ],
            columns=["code", "variant", "verdict", "sentence", "advice", "evidence"],
        ),
    }


def export(kept: KeptStudy, to: str, folder: Path) -> list[Path]:
    """Write the tables of a study, a file each; each whole or not at all.

    Args:
        kept: The study.
        to: One of `FORMATS`.
        folder: Where to; it is made where it is missing.

    Raises:
        StoreError: The folder cannot be written, or what writes the format is not installed.
    """
    written = []
    try:
        for name, table in tables(kept).items():
            path = folder / f"{name}.{to}"
            with written_whole(path) as new:
                FORMATS[to](table, new)
            written.append(path)
    except ImportError as error:
        raise StoreError(
            f"what writes {to} files", "none installed", f'install it: pip install "kohort[{to}]"'
        ) from error
    except OSError as error:
        raise StoreError(
            f"a folder to write to at {folder}", f"'{error.strerror or error}'", "name another"
        ) from error
    return written
