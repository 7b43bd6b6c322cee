"""What the trials of a search are scored by, which the first of them decide."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from kohort.design.plan import MemberPlan
from kohort.design.scoring import (
    LOSS,
    Scoring,
    check_score,
    lacking_targets,
    scoring,
)
from kohort.design.searches.draws import trial_name
from kohort.design.searches.search_spec import SearchSpec
from kohort.design.seen.lacking_class import check_parts
from kohort.design.variants import Variant
from kohort.engine.loop.events import Logs
from kohort.errors import DesignError
from kohort.evidence.trials_so_far import score_after
from kohort.runs.searches.keeping import SearchKeeper


class Measure:
    """The metric that scores the trials of a search.

    Args:
        spec: The search.
        keeper: Knows what an earlier run chose, and keeps what is chosen.
        tell: Shows a line to the user.
    """

    def __init__(self, spec: SearchSpec, keeper: SearchKeeper, tell: Callable[[str], None]) -> None:
        self._spec, self._keeper, self._tell = spec, keeper, tell
        self._told = {""}  # What was told of outputs that are not what their loss takes.
        self.scoring: Scoring | None = None
        """None while all trials have failed."""
        self._loss = ""  # That all trials have, where the loss scores.
        # All trials have the same targets: to look at them for each would cost more than a trial.
        self._lacking = cache(lambda accuracy: lacking_targets(accuracy, spec.data.y_train))
        known = keeper["scoring"]
        if known is not None:
            # Stores of earlier versions have the first two or three.
            metric, higher, *others = known
            is_proportion, self._loss = others + [False, ""][len(others) :]
            self.scoring = Scoring(metric, higher, is_proportion)

    def choose(self, numbers: Iterable[int], planned: Callable[[int], MemberPlan]) -> None:
        """Choose the metric that most trials of the first part would have.

        Args:
            numbers: Of the trials that can be built.
            planned: Returns the plan of one.

        Raises:
            DesignError: It is the loss, and they have two kinds of it; or none has the metric, or
                it has no value in some validation part.
        """
        if self.scoring is not None:
            return
        found, metrics, losses, refused = [], [], {}, None
        for number in numbers:
            try:
                plan = planned(number)
                found.append(scoring(self._spec.metric, self._spec.mode, [plan.metrics]))
                metrics.append(plan.metrics)
                losses[trial_name(number)] = plan.measured.name
            except DesignError as error:  # It has no such metric, and fails where others do.
                refused = refused or error
        if not found:
            if refused is not None:
                raise refused
            return
        chosen = Counter(each.metric for each in found).most_common(1)[0][0]
        self.scoring = by = next(each for each in found if each.metric == chosen)
        check_score(by, losses, self._spec.data, self._spec.margin)
        if any(kind.needs for of_trial in metrics for kind in of_trial if kind.name == chosen):
            rivals = tuple(Variant(name, self._spec.build) for name in ("a", "b"))
            check_parts(chosen, metrics, self._spec.trained_as(rivals))
            check_parts(chosen, metrics, self._spec.proved_as(rivals), " of the proof")
        if chosen == LOSS:
            self._loss = next(iter(losses.values()))
        self._keeper.note(scoring=[chosen, by.higher_is_better, by.is_proportion, self._loss])

    def lack(self, number: int, plan: MemberPlan) -> str:
        """Why a trial cannot be scored as the others are; "" where it can.

        The first whose outputs are not what its loss takes is told of.
        """
        assert self.scoring is not None
        if self.scoring.metric not in {LOSS, *(kind.name for kind in plan.metrics)}:
            return f"it is not compiled with {self.scoring.metric!r}, by which trials are scored"
        kinds = [kind for kind in plan.metrics if kind.name == self.scoring.metric]
        takes = (kind.accuracy for kind in kinds if kind.takes_targets)
        if wanted := next(filter(None, map(self._lacking, takes)), ""):
            return f"its {self.scoring.metric!r} needs {wanted}"
        if any(kind.accuracy == "misplaced" for kind in kinds):
            return (
                f"{self.scoring.metric!r} calls its outputs above 0.5 class 1, and they are logits "
                "or margins: give keras.metrics.BinaryAccuracy threshold=0"
            )
        if self.scoring.metric == LOSS and self._loss not in {"", plan.measured.name}:
            return (
                f"its loss is {plan.measured.name}, and trials are scored by {self._loss}: compile "
                "all with one metric, and name it"
            )
        if plan.slip not in self._told:
            self._told.add(plan.slip)
            self._tell(f"trial {number}, and all that are built so: {plan.slip}")
        return ""

    def score(self, logs: Mapping[int, Logs], epochs: int) -> float:
        """The score of a trial in so many epochs: that of the one of lowest validation loss.

        NaN where it diverged.

        Args:
            logs: What it measured, by epoch.
            epochs: How many count.
        """
        assert self.scoring is not None
        return score_after(logs, epochs, self.scoring.metric)
