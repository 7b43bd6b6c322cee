"""The settings of a study, and when and with what it was run."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from kohort.data.labels import CountedClass


def metric_name(metric: str) -> str:
    """The name for readers of a metric that is logged as `metric`."""
    return "loss" if metric == "data_loss" else metric.replace("_", " ")


_OF_SAMPLES = "given; losses of the training and validation parts have them, those of test do not"


@dataclass(frozen=True)
class Settings:
    """How a study was run.

    Args:
        study: Its name.
        replicates: How the training data were split, as written in Python.
        kind: What the replicates are: "splits", "seeds" or "folds".
        samples: Training and validation samples of a replicate; their means where `ratio` is known.
        epochs: By variant name.
        batch_size: Samples a step.
        seed: The seed of everything random.
        confidence: Of all intervals.
        metric: The metric that scores the variants, as logged for the training part.
        higher_is_better: Whether a higher value of it is better.
        is_proportion: Whether it is a proportion, from 0 to 1, such as an accuracy.
        margin: The smallest difference of practical interest in the metric; None for the default.
        shares: The parts of the training samples that each variant was also trained on, by name.
        engine: "fused" or "keras".
        side_by_side: For each group of members the most that trained side by side.
        started: When, in UTC.
        finished: When, in UTC.
        environment: Versions and hardware.
        runs: The number of runs; `started` and `finished` are of the last one.
        measured: Training samples that the train metrics are measured on, per replicate; 0 for all.
        group_size: Samples in the group of a sample, on average; 1 where samples are in no groups.
        looks: Of a race, the replicates that each look sees; empty where all were trained.
        class_weights: The weights of classes, by the names of the variants that train with some.
        strata: Why classes were split in the same proportion, or why not, where that was decided
            for the data; and groups that never validate. "" where it is as usual.
        has_sample_weights: Whether samples had weights, by which losses are measured too.
        data: The fingerprint of its data; "" of studies that were kept before it was.
        raw_data: That of the raw data that these were cleaned from; "" where they were not.
        baseline: What the first variant is called in sentences; nobody named one of a search.
        devices: The most devices that trained members at once.
        counted: The one of two classes that the metric is of, such as a recall; None where it is
            of both, or of none, and in studies that were kept before it was.
        ratio: Where replicates differ in size, as folds of whole groups do, the mean over them of
            validation over training samples; 0 where they do not by more than a sample.
        weighs_answers: Whether the metric is an accuracy of classes that weighs samples; not known,
            and so false, in studies that were kept before it was.
        weighs_samples: Whether samples had weights, and what scores weighs them, as on the test set
            it does not; not known, and so false, likewise.
    """

    study: str
    replicates: str
    kind: str
    samples: tuple[int, int]
    epochs: dict[str, int]
    batch_size: int
    seed: int
    confidence: float
    metric: str
    higher_is_better: bool
    is_proportion: bool
    margin: float | None
    shares: dict[str, tuple[float, ...]]
    engine: str
    side_by_side: dict[str, int]
    started: datetime
    finished: datetime
    environment: dict[str, str]
    runs: int = 1
    measured: int = 0
    group_size: float = 1.0
    looks: tuple[int, ...] = ()
    class_weights: dict[str, str] = field(default_factory=dict)
    strata: str = ""
    has_sample_weights: bool = False
    data: str = ""
    raw_data: str = ""
    baseline: str = "the baseline"
    devices: int = 1
    counted: CountedClass | None = None
    ratio: float = 0.0
    weighs_answers: bool = False
    weighs_samples: bool = False

    def facts(self) -> list[tuple[str, str]]:
        """The settings in words, for a report."""
        train, valid = (f"{size:,}" for size in self.samples)
        where = "on average" if self.ratio else "in each"
        epochs = ", ".join(str(epochs) for epochs in sorted(set(self.epochs.values())))
        seconds = (self.finished - self.started).total_seconds()
        return [
            ("replicates", f"{self.replicates}: {train} samples train, {valid} validate, {where}"),
            *([("class that the score is of", self._counted())] if self.counted else []),
            *([("splits", self.strata)] if self.strata else []),
            *([("trained also on", self._parts())] if any(self.shares.values()) else []),
            *([("train metrics", self._measured())] if self.measured else []),
            *([("class weights", self._class_weights())] if self.class_weights else []),
            *([("sample weights", _OF_SAMPLES)] if self.has_sample_weights else []),
            ("epochs", f"{epochs} in batches of {self.batch_size}"),
            ("seed", str(self.seed)),
            ("engine", self.engine),
            (
                "side by side",
                "; ".join(f"{n} of {group}" for group, n in self.side_by_side.items())
                + (f"; on {self.devices} devices at once" if self.devices > 1 else ""),
            ),
            (
                "ran",
                f"{self.started:%Y-%m-%d %H:%M} UTC, for {seconds:.0f} seconds"
                + (f"; the last of {self.runs} runs" if self.runs > 1 else ""),
            ),
            *self.environment.items(),
        ]

    def _counted(self) -> str:
        """The class that the metric is of, and what would make it that of the other, in words."""
        assert self.counted is not None
        return f"{self.counted.told(metric_name(self.metric))}; {self.counted.how_to_turn}"

    def _class_weights(self) -> str:
        """The weights of classes in words, those of all variants once."""
        of_all = set(self.class_weights) == set(self.epochs)
        if of_all and len(set(self.class_weights.values())) == 1:
            told = next(iter(self.class_weights.values()))
        else:
            told = "; ".join(f"{text} ({name})" for name, text in self.class_weights.items())
        return f"{told}; in training alone, nothing is measured with them"

    def _measured(self) -> str:
        """The training samples on which the train metrics are measured, in words."""
        return f"on {self.measured:,} of the training samples, drawn once for each replicate"

    def _parts(self) -> str:
        """The sizes of the learning curves in words."""
        parts = [
            f"{', '.join(f'{share:.3g}' for share in shares)} of these samples ({variant})"
            for variant, shares in self.shares.items()
            if shares
        ]
        return "; ".join(parts) + "; as many steps an epoch on each"

    def samples_of(self, share: float) -> int:
        """How many samples a member trains on with this part of those of its replicate."""
        return max(1, round(share * self.samples[0]))

    @property
    def test_to_train(self) -> float:
        """Validation over training samples, for intervals over replicates that share samples.

        0 for seeds: they are independent, and their intervals do not cover the luck of the split.
        """
        return 0.0 if self.kind == "seeds" else self.ratio or self.samples[1] / self.samples[0]


def sizes_of(replicates: Collection[tuple[int, int]]) -> tuple[tuple[int, int], float]:
    """What `Settings` says of the sizes of replicates: its `samples`, and its `ratio`.

    The correlation of two replicates follows from the part of the samples that each holds out. Of
    uneven ones the mean over all is taken: one fold may hold half of the samples, in one group.

    Args:
        replicates: Of each, training and validation samples.
    """
    sizes = np.array(list(replicates))
    if (np.ptp(sizes, axis=0) <= 1).all():
        train, valid = sizes[0]
        return (int(train), int(valid)), 0.0
    train, valid = np.rint(sizes.mean(axis=0))
    return (int(train), int(valid)), float((sizes[:, 1] / sizes[:, 0]).mean())
