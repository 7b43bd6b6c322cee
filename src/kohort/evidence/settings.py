"""How a study was run: its settings, when, and with what."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Settings:
    """How a study was run.

    Args:
        study: Its name.
        replicates: How the training data were split, as written in Python.
        kind: "holdout" or "folds".
        samples: Samples to train on and to validate on, per replicate.
        epochs: By variant name.
        batch_size: Samples a step.
        seed: Of everything random.
        confidence: Of all intervals.
        engine: "fused" or "keras".
        side_by_side: For each group of members how many of them trained side by side.
        started: When, in UTC.
        finished: When, in UTC.
        environment: Versions and hardware.
    """

    study: str
    replicates: str
    kind: str
    samples: tuple[int, int]
    epochs: dict[str, int]
    batch_size: int
    seed: int
    confidence: float
    engine: str
    side_by_side: dict[str, int]
    started: datetime
    finished: datetime
    environment: dict[str, str]

    def facts(self) -> list[tuple[str, str]]:
        """The settings in words, for a report."""
        train, valid = (f"{size:,}" for size in self.samples)
        epochs = ", ".join(str(epochs) for epochs in sorted(set(self.epochs.values())))
        seconds = (self.finished - self.started).total_seconds()
        return [
            ("replicates", f"{self.replicates}: {train} samples train, {valid} validate, in each"),
            ("epochs", f"{epochs} in batches of {self.batch_size}"),
            ("seed", str(self.seed)),
            ("engine", self.engine),
            (
                "side by side",
                "; ".join(f"{n} of {group}" for group, n in self.side_by_side.items()),
            ),
            ("ran", f"{self.started:%Y-%m-%d %H:%M} UTC, for {seconds:.0f} seconds"),
            *self.environment.items(),
        ]

    @property
    def test_to_train(self) -> float:
        """Validation over training samples, for intervals over replicates that share samples."""
        return self.samples[1] / self.samples[0]
