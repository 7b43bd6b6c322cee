"""What a study refuses."""

import re
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import TYPE_CHECKING

from kohort.data.dataset import Dataset
from kohort.design.replicates import Holdout, KFold, is_number
from kohort.design.variant import Variant
from kohort.engine.callbacks import check_own_files
from kohort.errors import DesignError

MOST_EPOCHS = 1_000_000
"""More than anybody trains are a slip, and their curves would take all memory."""

_HALF = re.compile("[\ud800-\udfff]")

if TYPE_CHECKING:
    from kohort.study import Study


def check_study(study: "Study") -> None:
    """Refuse a study whose parts do not fit together.

    Raises:
    DesignError: They do not.
    """
    _check_kinds(study)
    _check_numbers(study)
    names = [variant.name for variant in study.variants]
    _check_names(study.name, names)
    _check_counts(study, names)
    if not callable(study.callbacks):
        check_own_files(study.callbacks, len(names), "variant, replicate")
    if not 0.0 < study.confidence < 1.0:
        raise DesignError("a confidence between 0 and 1", f"{study.confidence}", "use 0.95, say")
    if study.margin is not None and not study.margin > 0:
        raise DesignError("a margin above 0", f"{study.margin}", "use 0.01, say")
    if study.mode not in ("auto", "min", "max"):
        raise DesignError("'auto', 'min' or 'max'", repr(study.mode), "give mode one of them")
    _check_sizes(study, names)


def _check_names(study: str, names: list[str]) -> None:
    if not names or len(set(names)) < len(names) or not all(map(_is_name, names)):
        raise DesignError(
            "variants with names of their own", f"{names or 'none'}", "name each variant anew"
        )
    if not _is_name(study):
        raise DesignError("a name of the study as text", repr(study), "name it")


def _check_counts(study: "Study", names: list[str]) -> None:
    if isinstance(study.epochs, Mapping) and set(study.epochs) != set(names):
        raise DesignError(
            f"epochs as a number, or for each of the variants {names}",
            f"epochs for {list(study.epochs)}",
            "give every variant its epochs",
        )
    epochs = [study.epochs_of(variant) for variant in study.variants]
    counts = [study.batch_size, *epochs]
    if any(not isinstance(count, int) or count < 1 for count in counts):
        raise DesignError("a batch size and epochs of 1 or more", f"{counts}", "use whole numbers")
    if max(epochs) > MOST_EPOCHS:
        raise DesignError(f"at most {MOST_EPOCHS:,} epochs", f"{max(epochs):,}", "use fewer")


def _is_name(name: object) -> bool:
    """Whether it is text that a report can hold: not empty, and without half characters."""
    return isinstance(name, str) and bool(name.strip()) and not _HALF.search(name)


def _check_sizes(study: "Study", names: list[str]) -> None:
    if isinstance(study.sizes, Mapping) and not set(study.sizes) <= set(names):
        raise DesignError(
            f"sizes for some of the variants {names}",
            f"sizes for {list(study.sizes)}",
            "check the spelling",
        )
    shares = [share for variant in study.variants for share in study.shares_of(variant)]
    if any(not 0.0 < share < 1.0 for share in shares):
        raise DesignError(
            "sizes as parts of the training samples, between 0 and 1",
            f"{sorted(set(shares))}",
            "use (0.25, 0.5), say; all samples are trained on anyway",
        )
    if shares and callable(study.callbacks):
        raise DesignError(
            "callbacks that are copied, where sizes are given",
            "a function, whose files members of all sizes would write to",
            "give a list of callbacks, or leave sizes out",
        )


def _check_kinds(study: "Study") -> None:
    wanted: list[tuple[str, object, type | UnionType]] = [
        ("data", study.data, Dataset),
        ("replicates", study.replicates, Holdout | KFold),
        *(("each variant", variant, Variant) for variant in study.variants),
    ]
    for what, value, kind in wanted:
        if not isinstance(value, kind):
            name = getattr(kind, "__name__", str(kind)).replace("kohort.design.replicates.", "")
            raise DesignError(f"{what} as a kohort.{name}", repr(value), "give one")
    if not isinstance(study.seed, int) or study.seed < 0:
        raise DesignError("a seed of 0 or more", repr(study.seed), "use a whole number")


def _check_numbers(study: "Study") -> None:
    numbers = {"confidence": study.confidence, "margin": study.margin}
    for what, number in numbers.items():
        if number is not None and not is_number(number):
            raise DesignError(f"{what} as a number", repr(number), "give one")
    given = study.sizes.values() if isinstance(study.sizes, Mapping) else [study.sizes]
    for sizes in given:
        if not isinstance(sizes, Iterable) or not all(map(is_number, sizes)):
            raise DesignError("sizes as a list of numbers", repr(sizes), "use (0.25, 0.5), say")
