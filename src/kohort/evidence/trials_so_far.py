"""The trials of a search as its store has them, before it has come to its end and after."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kohort.design.searches.climbing_part import ClimbingPart, missing
from kohort.design.searches.draws import trial_number
from kohort.design.searches.rungs import Ladder
from kohort.engine.program.guard import has_diverged
from kohort.errors import StoreError
from kohort.evidence.given_values import evaluated
from kohort.evidence.trials import (
    SearchRecord,
    Trial,
    TrialState,
    asked_since,
    facts_of,
    kept_name,
    search_from,
)

if TYPE_CHECKING:
    from kohort.evidence.store import KeptStudy

type TrialLogs = Mapping[int, Mapping[str, float]]
"""What a trial measured, by epoch (from 0) and name."""


def score_after(logs: TrialLogs, epochs: int, metric: str) -> float:
    """The score of a trial in so many epochs: that of the one of lowest validation loss.

    NaN where it diverged.
    """
    counted = [of_epoch for epoch, of_epoch in sorted(logs.items()) if epoch < epochs]
    if not counted or has_diverged(counted[-1]):
        return float("nan")
    best = min(counted, key=lambda of_epoch: of_epoch["val_data_loss"])
    return best[f"val_{metric}"]


def lowest_loss(logs: TrialLogs, epochs: int) -> float:
    """The lowest validation loss of a trial in so many epochs; infinite where it has none."""
    losses = [of_epoch["val_data_loss"] for epoch, of_epoch in logs.items() if epoch < epochs]
    return min((loss for loss in losses if not math.isnan(loss)), default=math.inf)


def has_ended(description: Mapping[str, Any]) -> bool:
    """Whether a search, as its store describes it, came to its end and was asked for no more."""
    return "record" in description and not asked_since(description)


def trials_in(kept: "KeptStudy") -> SearchRecord:
    """The trials of a search: as it ended, or else as far as they came.

    Raises:
        StoreError: It did not end, and an earlier version of kohort kept it.
    """
    ended = search_from(kept) if has_ended(kept.description) else None
    return _SoFar(kept).record() if ended is None else ended


class _SoFar:
    """A search that has not ended: who climbed follows from the curves, as it does for its run.

    Args:
        kept: The search in its store.
    """

    def __init__(self, kept: "KeptStudy") -> None:
        self._name, self._about = kept.name.removesuffix(kept_name("")), kept.description
        if "schedule" not in self._about:
            raise StoreError(
                "a search as this version of kohort keeps it",
                f"{kept.name!r} of an earlier version, which did not end",
                "have it begin anew: fresh=True, or --fresh",
            )
        self._drawn = {trial_number(each.name): each for each in kept.variants()}
        facts = {n: facts_of(each) for n, each in self._drawn.items()}
        self._parameters = {n: each.parameters for n, each in facts.items()}
        self._failures = {n: each.failure for n, each in facts.items()}
        self._logs: dict[int, dict[int, Mapping[str, float]]] = {n: {} for n in facts}
        for measured in kept.epochs():
            self._logs[trial_number(measured.member.variant)][measured.epoch] = measured.logs
        members, runs = kept.members(), kept.runs()
        self._finished = {member.key.variant: member.finished for member in members}
        ended = {member.key.variant: member.seconds for member in members}
        self._seconds = ended | self._about["seconds"]
        self._begun = runs[0].started if runs else None
        # Before its first trials are built nothing scores it.
        scoring: Sequence[Any] = self._about.get("scoring") or ("", False)
        self._metric, self._is_higher = str(scoring[0]), bool(scoring[1])
        climbs = self._about["schedule"]["ladder"]
        rungs = {name: tuple(climbs[name]) for name in ("epochs", "begun")}
        self._ladder = Ladder(**climbs | rungs)

    def record(self) -> SearchRecord:
        """What it tried so far."""
        waiting, trials = sorted(self._drawn), list[Trial]()
        for part, size in enumerate(self._about["schedule"]["parts"]):
            numbers: list[int] = []
            while waiting and (wanted := missing(size, numbers, self._sound(numbers))):
                numbers += waiting[:wanted]
                del waiting[:wanted]
            trials += self._climbed(part, numbers)
        return SearchRecord(
            self._name,
            self._metric,
            self._is_higher,
            self._ladder.epochs,
            self._ladder.reduction,
            self._about["sampler"],
            tuple(trials),
            (),
            sum(trial.seconds for trial in trials),
            begun=self._begun,
        )

    def _sound(self, numbers: Sequence[int]) -> list[int]:
        return [number for number in numbers if not self._failures[number]]

    def _climbed(self, part: int, numbers: Sequence[int]) -> list[Trial]:
        """The trials of a part, as far as they climbed."""
        climbing = ClimbingPart(self._ladder, self._sound(numbers))
        scores: dict[int, dict[int, float]] = {number: {} for number in numbers}
        is_open = False
        for rung, epochs in enumerate(self._ladder.epochs):
            there = climbing.climbing(rung)
            is_open = bool(there) and [part, epochs] not in self._about["done"]
            if is_open:
                break
            for number in there:
                scores[number][epochs] = score_after(self._logs[number], epochs, self._metric)
            after = {number: scores[number][epochs] for number in there}
            losses = {number: lowest_loss(self._logs[number], epochs) for number in there}
            climbing.decide(rung, after, losses, higher_is_better=self._is_higher)
        stay = climbing.climbing(len(self._ladder.epochs))
        stands: TrialState = "open" if is_open else "finished"
        states = dict.fromkeys(stay, stands)
        return [
            self._trial(number, part, climbing.brackets, states.get(number, "left"), scores[number])
            for number in numbers
        ]

    def _trial(
        self,
        number: int,
        part: int,
        brackets: Mapping[int, int],
        state: TrialState,
        scores: dict[int, float],
    ) -> Trial:
        logs, drawn = self._logs[number], self._drawn[number]
        if self._failures[number]:
            state = "failed"
        elif logs and has_diverged(logs[max(logs)]):
            state = "diverged"
        if state in ("open", "diverged") and len(logs) > max(scores, default=0):
            scores = scores | {len(logs): score_after(logs, len(logs), self._metric)}
        return Trial(
            number,
            {argument: evaluated(code) for argument, code in drawn.arguments.items()},
            part,
            brackets.get(number, 0),
            state,
            scores,
            lowest_loss(logs, self._ladder.epochs[-1]),
            len(logs),
            self._parameters[number],
            float(self._seconds.get(drawn.name) or 0.0),
            self._failures[number],
            logs=logs,
            finished=self._finished[drawn.name],
        )
