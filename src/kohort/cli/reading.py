"""Reads the data that a command names, and refuses what is not there before Keras is imported.

Keras and JAX take seconds to be imported; what was misspelt is told without them.
"""

import os
import zipfile
from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any

from kohort.cli.options import size_of, spelt_as_options
from kohort.data.checking import PixelScale
from kohort.data.dataset import Dataset
from kohort.data.load import check_packed, check_source, load, of_known_kind
from kohort.data.system import absent, is_file
from kohort.errors import DataError, DesignError, ModelError


def data_of(source: str | None, options: Mapping[str, Any]) -> Dataset | None:
    """The data that `--data` and the options beside it name; None where nothing is named.

    Args:
        source: What to load.
        options: Arguments of `kohort.load`, None where they are not given; `size` as text, "28x28".

    Raises:
        DataError: There is an option and no source, or it cannot be loaded.
    """
    with spelt_as_options():
        taken = _taken(source, options)
        return None if source is None else load(source, **taken)


def check_reading(source: str | None, options: Mapping[str, Any]) -> None:
    """Refuse data that are not there, and options that they do not take; nothing is read.

    Args: as of `data_of`.

    Raises:
        DataError: They are such.
    """
    with spelt_as_options():
        taken = _taken(source, options)
        if source is not None:
            check_source(source, **taken)


def _taken(source: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given, as `kohort.load` takes them."""
    given = {name: value for name, value in options.items() if value is not None}
    if source is None and given:
        option = next(iter(given)).replace("_", "-")
        raise DataError(f"--data beside --{option}", "none", "name a source")
    return given | ({"size": size_of(given["size"])} if "size" in given else {})


def check_clean_file(path: Path) -> None:
    """Refuse what `kohort data clean` cannot have written, as far as that is seen by its name.

    Raises:
        DataError: It is such, or not there.
    """
    if path.suffix.lower() not in (".h5", ".hdf5"):
        told = f"{path}, which is no .h5 file"
        raise DataError("what kohort data clean wrote", told, "clean the data: kohort data clean")
    check_there([path])


def check_study_file(place: str) -> Path:
    """The file of `FILE.py` or `FILE.py::NAME`.

    Raises:
        DesignError: There is none.
    """
    file = place.partition("::")[0]
    if not is_file(Path(file)):
        missing = "" if os.path.lexists(file) else ": no such file"
        raise DesignError("the path of a Python file", f"{file!r}{missing}", "check the spelling")
    return Path(file)


def check_there(files: Iterable[Path]) -> None:
    """Refuse files that are not there.

    Raises:
        DataError: One is not.
    """
    for file in files:
        if not os.path.lexists(file):
            raise absent(file)


def check_rows(path: Path) -> None:
    """Refuse a file of rows to predict that is no table by its ending.

    Raises:
        DataError: It is a workbook, compressed, or of another kind that `--data` takes.
    """
    check_packed(path, str(path))
    kind = of_known_kind(path)
    if kind not in (None, "a table"):
        raise DataError(
            "rows to predict as a table, .csv, .tsv or .parquet",
            f"{path}, {kind}",
            "save them as one",
        )


def check_model_file(path: Path) -> None:
    """Refuse what is no `.keras` file, as far as that is seen without reading it.

    Raises:
        ModelError: It is none.
    """
    if not os.path.lexists(path):
        missing = f"{path}: no such file"
        raise ModelError("a .keras file with a Keras model", missing, "check the path")
    # Keras would also load other formats, some of which may contain code.
    if not is_file(path) or not zipfile.is_zipfile(path):
        raise ModelError(
            "a .keras file with a Keras model",
            f"{path}, which is none",
            "check the path; save a model in another format anew with model.save('NAME.keras')",
        )


def pixel_scale(factor: str | None, offset: float) -> PixelScale | None:
    """The scale that the options of `kohort predict` give; None where they give none.

    Args:
        factor: A number, or a fraction such as "1/255".
        offset: A number; without a factor it needs one.

    Raises:
        DesignError: They are no finite numbers, or there is an offset alone.
    """
    if factor is None and not offset:
        return None
    try:
        number = float(Fraction(factor or ""))
    except (ValueError, ZeroDivisionError, OverflowError):
        number = 0.0
    if not number or not isfinite(number) or not isfinite(offset):
        raise DesignError(
            "--scale as a number or a fraction, such as 1/255, and --offset as a number",
            f"--scale {factor} --offset {offset}",
            "give those that the training images were made with",
        )
    return PixelScale(number, offset)
