"""What a study refuses to be given."""

import inspect
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sized
from types import UnionType

from kohort.data.dataset import Dataset
from kohort.design.races import Race
from kohort.design.replicates import Holdout, KFold, is_number
from kohort.design.spec import StudySpec
from kohort.design.variants import Variant
from kohort.design.weights import class_table
from kohort.errors import DesignError, received_text
from kohort.keras_api.callbacks import check_own_files

MOST_EPOCHS = 1_000_000
"""More than anybody trains are a slip, and their curves would take all memory."""

_GIVE_VARIANTS = "give kohort.Variant('name', build), or a kohort.grid"
_HALF = re.compile("[\ud800-\udfff]")


def check_spec(spec: StudySpec) -> None:
    """Refuse a study whose parts do not fit together.

    Raises:
        DesignError: They do not.
    """
    _check_kinds(spec)
    _check_numbers(spec)
    names = [variant.name for variant in spec.variants]
    _check_names(spec.name, names)
    _check_counts(spec, names)
    if callable(spec.callbacks):
        _check_takes_a_member(spec.callbacks)
    else:
        check_own_files(spec.callbacks, len(names), "variant, replicate")
    if not 0.0 < spec.confidence < 1.0:
        raise DesignError("a confidence between 0 and 1", f"{spec.confidence}", "use 0.95, say")
    least = "a margin of 0 or more" if spec.race else "a margin above 0"
    if spec.margin is not None and not (spec.margin > 0 or (spec.race and spec.margin == 0)):
        raise DesignError(least, f"{spec.margin}", "use 0.01, say")
    if spec.mode not in ("auto", "min", "max"):
        raise DesignError("'auto', 'min' or 'max'", repr(spec.mode), "give mode one of them")
    _check_sizes(spec, names)
    _check_weights(spec)
    _check_race(spec)


def _check_takes_a_member(callbacks: Callable[[str, int], object]) -> None:
    try:
        inspect.signature(callbacks).bind("variant", 0)
    except ValueError:
        return  # A function of C may tell of no parameters.
    except TypeError as error:
        raise DesignError(
            "callbacks, or a function of a variant's name and a replicate's number",
            f"one that cannot be called with them: {error}",
            "write callbacks=lambda variant, replicate: [...]",
        ) from error


def _check_weights(spec: StudySpec) -> None:
    # What is computed here is checked as it is.
    if spec.sample_weights is not None and spec.class_weights:
        raise DesignError(
            "weights of samples or of classes, as in keras.Model.fit",
            "both sample_weight and class_weight",
            "multiply them to a sample_weight",
        )
    for weights in spec.class_weights.values():
        if spec.labels is None:
            raise DesignError(
                "targets that are class labels for class_weight",
                f"{spec.data!r}",
                "give sample_weight, or leave it out",
            )
        if not isinstance(weights, str):
            class_table(weights, spec.labels)


def _check_race(spec: StudySpec) -> None:
    if spec.race is None:
        return
    if len(spec.variants) < 2:
        raise DesignError(
            "two variants or more for a race",
            spec.variants[0].name,
            f"give another one, or replicates={spec.splits!r}",
        )
    if any(spec.shares_of(variant) for variant in spec.variants):
        raise DesignError(
            "a race without sizes",
            "both",
            "leave sizes out, and give them to a study of the winner",
        )


def _check_names(study: str, names: list[str]) -> None:
    if not names:
        raise DesignError("a list of at least one variant", "none", _GIVE_VARIANTS)
    if len(set(names)) < len(names) or not all(map(_is_name, names)):
        raise DesignError("variants with names of their own", f"{names}", "name each variant anew")
    if not _is_name(study):
        raise DesignError("a name of the study as text", repr(study), "name it")


def _check_counts(spec: StudySpec, names: list[str]) -> None:
    if isinstance(spec.epochs, Mapping) and set(spec.epochs) != set(names):
        raise DesignError(
            f"epochs as a number, or for each of the variants {names}",
            f"epochs for {list(spec.epochs)}",
            "give every variant its epochs",
        )
    epochs = [spec.epochs_of(variant) for variant in spec.variants]
    counts = [spec.batch_size, *epochs]
    if any(not isinstance(count, int) or count < 1 for count in counts):
        raise DesignError("a batch size and epochs of 1 or more", f"{counts}", "use whole numbers")
    if max(epochs) > MOST_EPOCHS:
        raise DesignError(f"at most {MOST_EPOCHS:,} epochs", f"{max(epochs):,}", "use fewer")


def _is_name(name: object) -> bool:
    """Whether it is text that a report can hold: not empty, and without half characters."""
    return isinstance(name, str) and bool(name.strip()) and not _HALF.search(name)


def _check_sizes(spec: StudySpec, names: list[str]) -> None:
    if isinstance(spec.sizes, Mapping) and not set(spec.sizes) <= set(names):
        raise DesignError(
            f"sizes for some of the variants {names}",
            f"sizes for {list(spec.sizes)}",
            "check the spelling",
        )
    shares = [share for variant in spec.variants for share in spec.shares_of(variant)]
    if any(not 0.0 < share < 1.0 for share in shares):
        raise DesignError(
            "sizes as parts of the training samples, between 0 and 1",
            f"{sorted(set(shares))}",
            "use (0.25, 0.5), say; all samples are trained on anyway",
        )
    if shares and callable(spec.callbacks):
        raise DesignError(
            "callbacks that are copied, where sizes are given",
            "a function, whose files members of all sizes would write to",
            "give a list of callbacks, or leave sizes out",
        )


def check_data(data: object) -> None:
    """Refuse what is no data set, such as a function that would make one.

    Raises:
        DesignError: It is none.
    """
    _check_kind("data", data, Dataset, "give arrays (x, y), or kohort.load(...)")


def _check_kinds(spec: StudySpec) -> None:
    check_data(spec.data)
    mend = "give kohort.Holdout(0.1, repeats=5), say"
    _check_kind("replicates", spec.replicates, Holdout | KFold | Race, mend)
    for variant in spec.variants:
        _check_variant(variant)
    if not isinstance(spec.seed, int) or spec.seed < 0:
        raise DesignError("a seed of 0 or more", repr(spec.seed), "use a whole number")


def listed_variants(given: object) -> tuple[Variant, ...]:
    """Variants as a tuple.

    Raises:
        DesignError: They are none that can be gone through.
    """
    if isinstance(given, Iterable):
        return tuple(given)
    raise DesignError("a list of variants", reprlib.repr(given), "give a list, of one variant too")


def _check_variant(variant: object) -> None:
    if not isinstance(variant, Variant):
        told = reprlib.repr(getattr(variant, "__name__", None) or variant)
        raise DesignError("each variant as a kohort.Variant", told, _GIVE_VARIANTS)


def _check_kind(what: str, value: object, kind: type | UnionType, mend: str) -> None:
    if isinstance(value, kind):
        return
    name = getattr(kind, "__name__", re.sub(r"kohort\.design\.\w+\.", "", str(kind)))
    told, called = _told(value), getattr(value, "__name__", "")
    if callable(value) and called:
        kind_of = "class" if isinstance(value, type) else "function"
        told, mend = f"the {kind_of} {called} itself", f"call it: {called}(...)"
    raise DesignError(f"{what} as a kohort.{name}", told, mend)


def _told(value: object) -> str:
    """A value in a few words, and not the numbers that it holds."""
    if isinstance(value, Sized) and not isinstance(value, str):
        return f"one {type(value).__name__}"
    return received_text(value)


def _check_numbers(spec: StudySpec) -> None:
    numbers = {"confidence": spec.confidence, "margin": spec.margin}
    for what, number in numbers.items():
        if number is not None and not is_number(number):
            raise DesignError(f"{what} as a number", repr(number), "give one")
    given = spec.sizes.values() if isinstance(spec.sizes, Mapping) else [spec.sizes]
    for sizes in given:
        if not isinstance(sizes, Iterable) or not all(map(is_number, sizes)):
            raise DesignError("sizes as a list of numbers", repr(sizes), "use (0.25, 0.5), say")
