"""The record of a study: everything that its runs measured.

Findings, reports, exports and the store read it from here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from kohort.data.inspection.inputs.told_alone import ToldAlone
from kohort.data.inspection.learned import LearnedLayer
from kohort.data.inspection.overlap import Overlap
from kohort.data.labels import CountedClass, Majority
from kohort.data.simple_answers.constant_answers import ConstantAnswer
from kohort.evidence.class_counts import ClassCounts, counts_from_json, counts_to_json
from kohort.evidence.curves import Curves
from kohort.evidence.settings import Settings


@dataclass(frozen=True)
class VariantFacts:
    """The facts about a variant, beside its curves.

    Args:
        name: Its name.
        arguments: The arguments of its build function, as Python code.
        parameters: The number of weights of its model.
        regularizer_count: Regularisers in its model: dropout, noise, augmentation, penalties,
            weight decay.
        loss: The loss of its model as text.
        untrained_loss: The loss of its model before the first step; NaN where it is unknown.
        build: The name of its build function; variants of one name share one function. None in
            studies that were kept before this was.
        defaults: What the function takes for arguments that only other variants give, as Python
            code, where that is known.
        untrained_in: By replicate's number, the loss of its own model before the first step, where
            training ended well above `untrained_loss`, which is that of the first replicate.
        weight_bytes: Of its model's weights, as a file holds them; 0 in studies that were kept
            before this was.
        measured_loss: What this loss measures (see `MeasuredLoss`), of which the text may leave
            options out, such as the delta of `Huber`; "" in studies that were kept before this was.
    """

    name: str
    arguments: dict[str, str]
    parameters: int
    regularizer_count: int
    loss: str
    untrained_loss: float
    build: str | None = None
    defaults: dict[str, str] = field(default_factory=dict)
    untrained_in: dict[int, float] = field(default_factory=dict)
    weight_bytes: int = 0
    measured_loss: str = ""

    @property
    def weights_megabytes(self) -> float:
        """Of its model's weights, 10^6 bytes each; NaN where they are not known."""
        return self.weight_bytes / 1e6 if self.weight_bytes else float("nan")


class Ended(NamedTuple):
    """When a member finished, in UTC, and its training time; None where that is not known."""

    finished: datetime
    seconds: float | None


@dataclass(frozen=True, eq=False)
class StudyRecord:
    """What the runs of a study measured.

    Args:
        settings: How it was run.
        variants: By variant number; the first is the baseline.
        additions: Pairs `(a, b)` of variant numbers where b is a with something added.
        overlap: Copies in its data.
        curves: By the part of the samples that members trained on; 1.0 means all of them.
        seconds: Training time of the members on all samples, by the numbers of their variant and
            replicate.
        majority: The majority class, where the score is the part of samples whose class a model
            gets right; else None.
        configs: The configuration of models that were built from their replicate's data, by the
            numbers of their variant and replicate.
        learned: The layers of its models that learned from data before training; None in studies
            that were kept before it was.
        constant: What one answer for all samples scores, where that is known of the score.
        classes: Which classes its members find; None where the targets are no classes, or no
            member tells them, and in studies that were kept before it was.
        told: What single inputs of its data tell of targets; empty where nobody looked.
        begun: When its first run began, in UTC; None where only the last one is known.
        ended: By the numbers of variant and replicate, and the part of the samples, when members
            finished, in whatever run.
    """

    settings: Settings
    variants: tuple[VariantFacts, ...]
    additions: tuple[tuple[int, int], ...]
    overlap: Overlap
    curves: Mapping[float, Curves]
    seconds: Mapping[tuple[int, int], float]
    majority: Majority | None = None
    configs: Mapping[tuple[int, int], str] = field(default_factory=dict)
    learned: tuple[LearnedLayer, ...] | None = None
    constant: ConstantAnswer | None = None
    classes: ClassCounts | None = None
    told: tuple[ToldAlone, ...] = ()
    begun: datetime | None = None
    ended: Mapping[tuple[int, int, float], Ended] = field(default_factory=dict)

    def end_of(self, variant: int, replicate: int, share: float = 1.0) -> Ended:
        """When a member finished, or when the study did if only that is known."""
        seconds = self.seconds.get((variant, replicate)) if share == 1 else None
        otherwise = Ended(self.settings.finished, seconds)
        return self.ended.get((variant, replicate, share), otherwise)

    @property
    def whole(self) -> Curves:
        """The curves of the members that trained on all of their samples."""
        return self.curves[1.0]

    @cached_property
    def variant_names(self) -> tuple[str, ...]:
        """Names of the variants, by variant number."""
        return tuple(variant.name for variant in self.variants)


BY_VARIANT = (
    "parameters", "restraints", "losses", "untrained_losses", "builds", "defaults", "untrained_in",
    "weight_bytes", "measured_losses",
)  # fmt: skip
"""What a record has as JSON for each variant, in the order of the variants."""


def to_json(record: StudyRecord) -> dict[str, Any]:
    """A record as JSON, without arguments, curves and seconds, which a store keeps separately."""
    settings = asdict(record.settings)
    settings |= {name: settings[name].isoformat() for name in ("started", "finished")}
    facts = {"majority": record.majority, "constant": record.constant}
    return {
        "settings": settings,
        "untrained_losses": [variant.untrained_loss for variant in record.variants],
        "overlap": _with_lists(asdict(record.overlap)),
        **{
            name: None if fact is None else _with_lists(asdict(fact))
            for name, fact in facts.items()
        },
        "parameters": [variant.parameters for variant in record.variants],
        "restraints": [variant.regularizer_count for variant in record.variants],
        "losses": [variant.loss for variant in record.variants],
        "pairs": [list(pair) for pair in record.additions],
        "builds": [variant.build for variant in record.variants],
        "defaults": [variant.defaults for variant in record.variants],
        "untrained_in": [
            {str(number): loss for number, loss in variant.untrained_in.items()}
            for variant in record.variants
        ],
        "weight_bytes": [variant.weight_bytes for variant in record.variants],
        "measured_losses": [variant.measured_loss for variant in record.variants],
        "trained": record.whole.trained.tolist(),
        "configs": [[*place, text] for place, text in record.configs.items()],
        "learned": None if record.learned is None else [asdict(layer) for layer in record.learned],
        "classes": counts_to_json(record.classes),
        "told": [_with_lists(asdict(of_one)) for of_one in record.told],
    }


def from_json(
    stored: Mapping[str, Any],
    arguments: Mapping[str, dict[str, str]],
    curves: Mapping[float, Curves],
    seconds: Mapping[tuple[int, int], float],
) -> StudyRecord:
    """The inverse of `to_json`.

    Args:
        stored: The JSON.
        arguments: By variant name.
        curves: As in `StudyRecord`.
        seconds: As in `StudyRecord`.
    """
    settings = settings_from_json(stored["settings"])
    # Studies that were kept before these were have none.
    majority, constant = stored.get("majority"), stored.get("constant")
    learned = stored.get("learned")
    by_variant = ("parameters", "restraints", "losses", "untrained_losses")
    count = len(settings.epochs)  # studies that were kept before they were have none of these
    later = stored.get("builds", [None] * count), stored.get("defaults", [{}] * count)
    starts = [
        {int(number): loss for number, loss in of_variant.items()}
        for of_variant in stored.get("untrained_in", [{}] * count)
    ]
    sizes = stored.get("weight_bytes", [0] * count)
    measured = stored.get("measured_losses", [""] * count)
    facts = zip(
        settings.epochs,
        *(stored[name] for name in by_variant),
        *later,
        *(starts, sizes, measured),
        strict=True,
    )
    return StudyRecord(
        settings,
        tuple(VariantFacts(name, arguments[name], *numbers) for name, *numbers in facts),
        tuple((a, b) for a, b in stored["pairs"]),
        Overlap(**_with_arrays(stored["overlap"])),
        curves,
        seconds,
        None if majority is None else Majority(**_with_arrays(majority)),
        {(variant, number): text for variant, number, text in stored.get("configs", [])},
        None if learned is None else tuple(LearnedLayer(**layer) for layer in learned),
        None if constant is None else ConstantAnswer(**_with_arrays(constant)),
        counts_from_json(stored.get("classes")),
        tuple(_told_alone(of_one) for of_one in _told(stored.get("told"))),
    )


def _told(stored: list[Any] | Mapping[str, Any] | None) -> list[Any]:
    """Studies that were kept before targets of several numbers were asked have one, or none."""
    if isinstance(stored, list):
        return stored
    return [] if stored is None else [stored]


def _told_alone(stored: Mapping[str, Any]) -> ToldAlone:
    names = {name: tuple(stored[name]) for name in ("names", "earlier")}
    return ToldAlone(**_with_arrays(stored) | names)


def raced(stored: Mapping[str, Any]) -> dict[str, int] | None:
    """Of the JSON of a race, by variant, the replicates that are part of its result; else None.

    A store may have more, which the race needed when it had other looks or fewer variants.
    """
    settings = stored["settings"]
    if not settings.get("looks"):
        return None
    return dict(zip(settings["epochs"], stored["trained"], strict=True))


def _with_lists(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in fields.items()
    }


def _with_arrays(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: np.array(value) if isinstance(value, list) else value
        for name, value in fields.items()
    }


def settings_from_json(stored: Mapping[str, Any]) -> Settings:
    """The settings in the JSON of `to_json`."""
    settings = dict(stored)
    settings |= {name: datetime.fromisoformat(settings[name]) for name in ("started", "finished")}
    settings["samples"] = tuple(settings["samples"])
    settings["looks"] = tuple(settings.get("looks", ()))  # studies kept before it was have none
    settings["shares"] = {name: tuple(shares) for name, shares in settings["shares"].items()}
    counted = settings.get("counted")  # studies kept before it was have none
    settings["counted"] = None if counted is None else CountedClass(**counted)
    return Settings(**settings)
