"""What a study refuses."""

from collections.abc import Mapping
from types import UnionType
from typing import TYPE_CHECKING

from kohort.data.dataset import Dataset
from kohort.design.replicates import Holdout, KFold
from kohort.design.variant import Variant
from kohort.engine.callbacks import check_own_files
from kohort.errors import DesignError

if TYPE_CHECKING:
    from kohort.study import Study


def check_study(study: "Study") -> None:
    """Refuse a study whose parts do not fit together.

    Raises:
    DesignError: They do not.
    """
    _check_kinds(study)
    names = [variant.name for variant in study.variants]
    if not names or len(set(names)) < len(names):
        raise DesignError(
            "variants with names of their own", f"{names or 'none'}", "name each variant anew"
        )
    if isinstance(study.epochs, Mapping) and set(study.epochs) != set(names):
        raise DesignError(
            f"epochs as a number, or for each of the variants {names}",
            f"epochs for {sorted(study.epochs)}",
            "give every variant its epochs",
        )
    counts = [study.batch_size, *(study.epochs_of(variant) for variant in study.variants)]
    if any(not isinstance(count, int) or count < 1 for count in counts):
        raise DesignError("a batch size and epochs of 1 or more", f"{counts}", "use whole numbers")
    if not callable(study.callbacks):
        check_own_files(study.callbacks, len(names), "variant, replicate")
    if not 0.0 < study.confidence < 1.0:
        raise DesignError("a confidence between 0 and 1", f"{study.confidence}", "use 0.95, say")
    if study.margin is not None and not study.margin > 0:
        raise DesignError("a margin above 0", f"{study.margin}", "use 0.01, say")
    if study.mode not in ("auto", "min", "max"):
        raise DesignError("'auto', 'min' or 'max'", repr(study.mode), "give mode one of them")
    _check_sizes(study, names)


def _check_sizes(study: "Study", names: list[str]) -> None:
    if isinstance(study.sizes, Mapping) and not set(study.sizes) <= set(names):
        raise DesignError(
            f"sizes for some of the variants {names}",
            f"sizes for {sorted(study.sizes)}",
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
