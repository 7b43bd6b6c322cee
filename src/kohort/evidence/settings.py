"""How a study was run: its settings, when, and with what."""

from dataclasses import dataclass
from datetime import datetime


def metric_name(metric: str) -> str:
    """What a reader calls a metric, which is logged as `metric`."""
    return "loss" if metric == "data_loss" else metric.replace("_", " ")


@dataclass(frozen=True)
class Settings:
    """How a study was run.

    Args:
        study: Its name.
        replicates: How the training data were split, as written in Python.
        kind: What intervals are over: "splits", "seeds" or "folds".
        samples: Samples to train on and to validate on, per replicate.
        epochs: By variant name.
        batch_size: Samples a step.
        seed: Of everything random.
        confidence: Of all intervals.
        metric: What the variants are scored by, as logged for the training part.
        higher_is_better: Whether a higher value of it is the better one.
        is_proportion: Whether it is a part of a whole, from 0 to 1, such as an accuracy.
        margin: The smallest difference of practical interest in the metric; None for the default.
        shares: The parts of the training samples that each variant was also trained on, by name.
        engine: "fused" or "keras".
        side_by_side: For each group of members how many of them trained side by side.
        started: When, in UTC.
        finished: When, in UTC.
        environment: Versions and hardware.
        runs: Runs that it took, of which the last one began and ended as told above.
        measured: Training samples that the train metrics are measured on, per replicate; 0 for all.
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

    def facts(self) -> list[tuple[str, str]]:
        """The settings in words, for a report."""
        train, valid = (f"{size:,}" for size in self.samples)
        epochs = ", ".join(str(epochs) for epochs in sorted(set(self.epochs.values())))
        seconds = (self.finished - self.started).total_seconds()
        return [
            ("replicates", f"{self.replicates}: {train} samples train, {valid} validate, in each"),
            *([("trained also on", self._parts())] if any(self.shares.values()) else []),
            *([("train metrics", self._measured())] if self.measured else []),
            ("epochs", f"{epochs} in batches of {self.batch_size}"),
            ("seed", str(self.seed)),
            ("engine", self.engine),
            (
                "side by side",
                "; ".join(f"{n} of {group}" for group, n in self.side_by_side.items()),
            ),
            (
                "ran",
                f"{self.started:%Y-%m-%d %H:%M} UTC, for {seconds:.0f} seconds"
                + (f"; the last of {self.runs} runs" if self.runs > 1 else ""),
            ),
            *self.environment.items(),
        ]

    def _measured(self) -> str:
        """What of the training samples the train metrics are measured on, in words."""
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
        """How many samples a member trains on that has a part of its replicate's."""
        return max(1, round(share * self.samples[0]))

    @property
    def test_to_train(self) -> float:
        """Validation over training samples, for intervals over replicates that share samples.

        0 over seeds: they are independent, and what the one split brings is in none of them.
        """
        return 0.0 if self.kind == "seeds" else self.samples[1] / self.samples[0]
