"""The record of a search: what each of its trials was, how far it climbed, and its scores."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from kohort.design.searches.draws import Suggestion, is_trial, trial_name
from kohort.design.searches.rungs import best_first
from kohort.evidence.given_values import evaluated

if TYPE_CHECKING:
    import pandas as pd

    from kohort.evidence.store import KeptStudy, Store, VariantRecord

type TrialState = Literal["finished", "left", "diverged", "failed", "open"]


class Facts(NamedTuple):
    """What is known of a trial before it trains.

    Args:
        parameters: The number of its model's weights; None where it failed.
        failure: Why it failed; "" where it did not.
        model: The configuration of its model, or a digest of it; "" where it was not built, since
            it follows from others, and where Keras cannot write it.
    """

    parameters: int | None
    failure: str
    model: str = ""

    def kept(self, *, whole: bool) -> str:
        """As a store keeps it: of the configuration a digest, or all of it."""
        return json.dumps(self if whole else self._replace(model=digest_of(self.model)))


def facts_of(trial: "VariantRecord") -> Facts:
    """What a store kept of a trial; earlier versions kept no model."""
    return Facts(*json.loads(trial.model))


def digest_of(text: str) -> str:
    """What is kept of a text that is long; "" of none."""
    return text and hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Trial:
    """One set of arguments that a search tried.

    Args:
        number: From 0, in the order in which they were drawn.
        arguments: Of its build function.
        part: The number of the part of the trials with which it was drawn.
        bracket: The number of its bracket, which is also the rung where it began.
        state: "finished": it reached the last rung. "left": it was not among those that went on
            after a rung. "diverged", or "failed": no model could be built and trained. "open": it
            trains, or is to go on, in a search that has not ended.
        scores: By the epochs of each rung that it reached, its score after it: that of the epoch
            of lowest validation loss so far. NaN if it diverged. Of one that is open also by the
            epochs that it has.
        loss: The lowest validation loss, by which trials of equal scores are told apart.
        epochs: The epochs that it trained.
        parameters: The number of its model's weights; None if it failed.
        seconds: Training time.
        reason: Why it failed.
        asked: As Optuna's sampler drew it; None if unknown.
        logs: What it measured, by epoch (from 0) and name.
        finished: When it had climbed, with the others of its part, in UTC; None while it has not.
    """

    number: int
    arguments: Mapping[str, Any]
    part: int
    bracket: int
    state: TrialState
    scores: Mapping[int, float] = field(default_factory=dict)
    loss: float = float("nan")
    epochs: int = 0
    parameters: int | None = None
    seconds: float = 0.0
    reason: str = ""
    asked: Suggestion | None = field(default=None, compare=False, repr=False)
    logs: Mapping[int, Mapping[str, float]] = field(default_factory=dict, compare=False, repr=False)
    finished: datetime | None = field(default=None, compare=False, repr=False)

    @property
    def score(self) -> float:
        """The last score; NaN where there is none."""
        return self.scores[max(self.scores)] if self.scores else float("nan")


@dataclass(frozen=True)
class SearchRecord:
    """What a search tried.

    Args:
        name: Its name.
        metric: What it scored by, as logged for the training part.
        higher_is_better: Whether a higher score is the better one.
        rungs: The epochs of each rung.
        reduction: Of the trials that reached a rung, one of so many went on.
        sampler: What drew the arguments.
        trials: In the order in which they were drawn.
        finalists: The numbers of those that went on to the proof, the best first.
        seconds: Training time of all trials.
        asked: How many trials were asked for, where there were no more that differ; else None.
        begun: When its first run began, in UTC; None where that is not known.
    """

    name: str
    metric: str
    higher_is_better: bool
    rungs: tuple[int, ...]
    reduction: int
    sampler: str
    trials: tuple[Trial, ...]
    finalists: tuple[int, ...]
    seconds: float
    asked: int | None = None
    begun: datetime | None = field(default=None, compare=False, repr=False)

    def ranked(self) -> list[Trial]:
        """Trials with a score, the best first."""
        return ranked(self.trials, higher_is_better=self.higher_is_better)

    def best_to_worst(self) -> list[Trial]:
        """All trials: those with a score, the best first, then the others as they were drawn."""
        ranked = self.ranked()
        scored = {trial.number for trial in ranked}
        return [*ranked, *(trial for trial in self.trials if trial.number not in scored)]

    def rungs_behind(self, trial: Trial) -> int:
        """How many rungs a trial has behind it."""
        reached = max(trial.scores, default=0)
        return sum(epochs <= reached for epochs in self.rungs)

    @property
    def member_epochs(self) -> int:
        """Epochs that were trained, over all trials."""
        return sum(trial.epochs for trial in self.trials)

    @property
    def whole_epochs(self) -> int:
        """Epochs that all trials would have trained to the last rung."""
        return self.rungs[-1] * sum(trial.state != "failed" for trial in self.trials)

    def frame(self) -> "pd.DataFrame":
        """One row for each trial, by its number: its arguments, and how far it came."""
        import pandas as pd

        index = pd.Index([trial.number for trial in self.trials], name="trial")
        names = dict.fromkeys(name for trial in self.trials for name in trial.arguments)
        arguments = {
            argument_column(name): _column(
                [trial.arguments.get(name, _NOT_GIVEN) for trial in self.trials], index
            )
            for name in names
        }
        came = {
            "bracket": [trial.bracket for trial in self.trials],
            "epochs": [trial.epochs for trial in self.trials],
            "score": [trial.score for trial in self.trials],
            "state": [trial.state for trial in self.trials],
            "finalist": [trial.number in self.finalists for trial in self.trials],
            "parameters": pd.array([trial.parameters for trial in self.trials], "Int64"),
            "seconds": [trial.seconds for trial in self.trials],
            "reason": [trial.reason for trial in self.trials],
        }
        return pd.DataFrame(arguments | came, index=index)


_NOT_GIVEN = float("nan")
"""Of an argument that a trial does not have; one that is None it has."""
_LARGEST = 2**63
"""Whole numbers below it fit into a column of such."""


def _column(values: Sequence[Any], trials: "pd.Index") -> "pd.Series":
    """The values of an argument, as a column in which each stays what it is."""
    import pandas as pd

    given = [value for value in values if value is not _NOT_GIVEN]
    whole = all(type(value) is int and abs(value) < _LARGEST for value in given)
    if whole and len(given) < len(values):
        values = [None if value is _NOT_GIVEN else value for value in values]
        return pd.Series(values, trials, "Int64")
    has_none = any(value is None for value in given)
    return pd.Series(values, trials, object if has_none else None)


def argument_column(name: str) -> str:
    """The column of an argument, which may have the name of another column."""
    taken = ("trial", "bracket", "epochs", "score", "state", "finalist", "parameters", "seconds")
    return f"argument {name}" if name in (*taken, "reason") else name


def ranked(trials: Iterable[Trial], *, higher_is_better: bool) -> list[Trial]:
    """Trials with a score, the best first.

    Those that climbed higher come first, then by score; of equal ones that of the lower loss.
    """
    sound = [trial for trial in trials if not math.isnan(trial.score)]
    scores, losses = [trial.score for trial in sound], [trial.loss for trial in sound]
    order = best_first(scores, losses, higher_is_better=higher_is_better)
    return sorted((sound[place] for place in order), key=lambda trial: -max(trial.scores))


def kept_name(search: str) -> str:
    """What a store calls a search; the race of its finalists has the search's own name."""
    return f"{search} (search)"


def is_race_of(search: Mapping[str, Any], study: "KeptStudy") -> bool:
    """Whether a study is the race of a search's finalists, and not another one of its name.

    Its variants are trials, on the data and in the batches of the search, under the next seed.

    Args:
        search: The description of the search in its store.
        study: The study.
    """
    about = study.description
    if search.get("kind") != "search" or about.get("kind") == "search":
        return False
    is_alike = all(about[what] == search[what] for what in ("data", "batch size"))
    is_next = about["seed"] == search["seed"] + 1
    return is_alike and is_next and all(is_trial(variant.name) for variant in study.variants())


def kept_under(store: "Store", name: str) -> "list[KeptStudy]":
    """What a name stands for in a store: a study; or a search, and the race of its finalists.

    Raises:
        StoreError: There is none of this name.
    """
    search, race = store.find(kept_name(name)), store.find(name)
    if race is not None and race.description.get("kind") == "search":
        search, race = race, store.find(name.removesuffix(kept_name("")))
    if search is None or search.description.get("kind") != "search":
        return [store.study(name)]
    if race is None:
        return [search]
    return [search, race] if is_race_of(search.description, race) else [store.study(name)]


GROWS = ("trials", "epochs")
"""What may be asked of a search anew, more than before."""


def asked_since(search: Mapping[str, Any], race: Mapping[str, Any] | None = None) -> str:
    """What was asked of a search since it came to its end, in words; empty if nothing was.

    Args:
        search: The description of the search in its store.
        race: The description of the race of its finalists; None where it is not asked about.
    """
    done = search.get("done_with", {})
    more = [
        f"{search[what]:,} {what} were asked for, {done[what]:,} are in it"
        for what in GROWS
        if what in done and search[what] > done[what]
    ]
    if more:
        return f"This is the search before it grew: {'; '.join(more)}. {_GOES_ON}"
    if race is None or "result" not in race or "record" not in search or has_raced(search, race):
        return ""
    return (
        f"This is the race of earlier finalists: its search has grown, and has others. {_GOES_ON}"
    )


_GOES_ON = "The same command or call goes on with it."


def has_raced(search: Mapping[str, Any], race: Mapping[str, Any]) -> bool:
    """Whether the finalists of a search, which has come to its end, are those of a race."""
    finalists = list(map(trial_name, search["record"]["finalists"]))
    return list(race["result"]["settings"]["epochs"]) == finalists


def search_to_json(record: SearchRecord) -> dict[str, Any]:
    """A search as JSON, without what a store keeps separately: arguments, numbers and times."""
    trials = [
        {
            name: getattr(trial, name)
            for name in (f.name for f in fields(trial))
            if name not in ("arguments", "logs", "finished")
        }
        | {
            "scores": list(trial.scores.items()),
            "asked": None if trial.asked is None else asdict(trial.asked),
        }
        for trial in record.trials
    ]
    kept = {f.name: getattr(record, f.name) for f in fields(record) if f.name != "begun"}
    return {**kept, "trials": trials}


def search_from(kept: "KeptStudy") -> SearchRecord | None:
    """The search that a store keeps; None while it has not come to its end.

    Arguments are kept as Python code: of what code does not give, such as a function, the code is
    shown.
    """
    stored = kept.description.get("record")
    if stored is None:
        return None
    arguments = {variant.name: variant.arguments for variant in kept.variants()}
    logs: dict[str, dict[int, Mapping[str, float]]] = {}
    for record in kept.epochs():
        logs.setdefault(record.member.variant, {})[record.epoch] = record.logs
    trials = tuple(
        Trial(
            arguments={
                name: evaluated(code)
                for name, code in arguments[trial_name(trial["number"])].items()
            },
            logs=logs.get(trial_name(trial["number"]), {}),
            **trial
            | {
                "scores": {int(epochs): score for epochs, score in trial["scores"]},
                "asked": None if trial["asked"] is None else Suggestion(**trial["asked"]),
            },
        )
        for trial in stored["trials"]
    )
    rungs, finalists = tuple(stored["rungs"]), tuple(stored["finalists"])
    found = {"trials": trials, "rungs": rungs, "finalists": finalists}
    return with_times(SearchRecord(**{**stored, **found}), kept)


def with_times(record: SearchRecord, kept: "KeptStudy") -> SearchRecord:
    """A search with the times that a store keeps of it: when it began, and its trials finished."""
    finished = {member.key.variant: member.finished for member in kept.members()}
    trials = tuple(replace(t, finished=finished.get(trial_name(t.number))) for t in record.trials)
    return replace(record, trials=trials, begun=kept.runs()[0].started)
