"""A search as a study of Optuna's, for its dashboard, its plots and its importances."""

import json
import math
from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, FloatDistribution, json_to_distribution
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from kohort.design.searches.draws import Suggestion
from kohort.design.searches.quiet import quiet
from kohort.design.searches.space import Label
from kohort.design.variants import as_code
from kohort.errors import StoreError, reason
from kohort.evidence.trials import SearchRecord, Trial
from kohort.report.searches.search_words import weighed

type Storage = str | BaseStorage | None

RESAMPLES = 100
"""Bootstrap samples of the trials, for intervals of importances."""


def as_optuna(record: SearchRecord, storage: Storage = None) -> optuna.Study:
    """A search as a study of Optuna's.

    A trial that left is "pruned" there, with the scores after its rungs; one that diverged or
    could not be built has failed. Its attribute "arguments" has what it was built from, whose
    names inside of a choice, and values that are no choices of Optuna's, its params lack.

    Args:
        record: The search.
        storage: Where to write it, such as "sqlite:///optuna.db"; None for memory.

    Raises:
        StoreError: The storage has a study of the search's name, or cannot be opened.
    """
    study = new_study(record.name, record.metric, storage, higher_is_better=record.higher_is_better)
    study.add_trials([_trial(trial, record.finalists) for trial in record.trials])
    return study


def new_study(name: str, metric: str, storage: Storage, *, higher_is_better: bool) -> optuna.Study:
    """A study of Optuna's without trials.

    Args:
        name: Its name.
        metric: What the values of its trials are.
        storage: Where to keep it; None for memory.
        higher_is_better: Whether a higher value of it is better.

    Raises:
        StoreError: The storage has a study of this name, or cannot be opened.
    """
    direction: Literal["maximize", "minimize"]
    direction = "maximize" if higher_is_better else "minimize"
    try:
        with quiet():
            study = optuna.create_study(storage=storage, study_name=name, direction=direction)
    except DuplicatedStudyError as error:
        raise StoreError(
            f"a storage of Optuna's without a study {name!r}",
            "one that has it",
            "give another storage, or delete that study there first, with optuna.delete_study",
        ) from error
    except (SQLAlchemyError, ImportError) as error:
        # An address may hold a password.
        is_path = isinstance(storage, str) and "://" not in storage
        raise StoreError(
            'the address of a storage that Optuna can open, such as "sqlite:///optuna.db"',
            repr(storage) if is_path else reason(error),
            f'give "sqlite:///{storage}"' if is_path else "mend it, or what it names",
        ) from error
    study.set_user_attr("metric", metric)
    return study


def importance(record: SearchRecord, confidence: float) -> pd.DataFrame:
    """How much each argument matters among the better trials, with intervals.

    Columns importance, low, high; by argument, the most important first. Importances add up to 1.
    They are those of PED-ANOVA (Watanabe et al. 2023), of the ranks of all trials with a score,
    those that climbed higher before others. Of what all these trials drew from the same values;
    empty where that is fewer than two arguments, fewer than ten trials have a score, or all score
    the same.

    Intervals are of the percentile bootstrap over trials, widened to the importance where that lies
    outside, as it does in one of twenty. They are for the mean importance over searches of as many
    trials: in simulations (four arguments, 12 to 120 trials, two kinds of scores, at 95 %) they
    held it in 94 % or more, over the arguments, and of a single one in 82 % or more; the basic
    bootstrap did in 29 to 53 %, the bias-corrected one in 49 to 72 %. They are not for what endless
    trials would show, which they often miss: few trials give shares to what does nothing.

    Args:
        record: The search.
        confidence: Of the intervals.
    """
    scored, names = record.ranked(), weighed(record)
    if not names:
        return pd.DataFrame(columns=["importance", "low", "high"])
    random, ranked = np.random.default_rng(0), [_of_names(trial, names) for trial in scored]
    places = np.arange(len(ranked))
    found = _importances(ranked, places)
    drawn = [
        _importances(ranked, np.sort(random.choice(places, len(places)))) for _ in range(RESAMPLES)
    ]
    tail = 50 * (1 - confidence)
    table = pd.DataFrame(
        {
            "importance": found,
            "low": np.minimum(found, np.percentile(drawn, tail, axis=0)),
            "high": np.maximum(found, np.percentile(drawn, 100 - tail, axis=0)),
        },
        index=pd.Index(names, name="argument"),
    )
    return table.sort_values("importance", ascending=False)


def _trial(trial: Trial, finalists: Sequence[int]) -> optuna.trial.FrozenTrial:
    state = {"finished": TrialState.COMPLETE, "left": TrialState.PRUNED}
    distributions = _distributions(_asked(trial))
    is_known = trial.state in state and trial.score == trial.score
    made = create_trial(
        state=state[trial.state] if is_known else TrialState.FAIL,
        value=trial.score if trial.state == "finished" and is_known else None,
        params=_trained_params(trial, distributions),
        distributions=distributions,
        intermediate_values=dict(trial.scores) if is_known else {},
        user_attrs={
            "bracket": trial.bracket,
            "epochs": trial.epochs,
            "finalist": trial.number in finalists,
            "arguments": {name: _as_json(value) for name, value in trial.arguments.items()},
        },
    )
    # Trials train beside each other: the duration is the time that this one trained.
    if trial.finished is not None:
        made.datetime_complete = local(trial.finished)
    assert made.datetime_complete is not None
    made.datetime_start = made.datetime_complete - timedelta(seconds=trial.seconds)
    return made


def local(moment: datetime) -> datetime:
    """A moment as Optuna notes it, in local time without a zone."""
    return moment.astimezone().replace(tzinfo=None)


def _trained_params(
    trial: Trial, distributions: Mapping[str, BaseDistribution]
) -> dict[str, Label]:
    """By Optuna's names what was drawn; of a float the digits that were trained with."""
    params = dict(_asked(trial).params)
    for name, drawn_from in distributions.items():
        # The name of an argument inside of a choice begins with the choice.
        trained = trial.arguments.get(name.rpartition(": ")[2])
        if isinstance(drawn_from, FloatDistribution) and isinstance(trained, float):
            is_inside = drawn_from.low <= trained <= drawn_from.high
            near = 1e-9 * drawn_from.step if drawn_from.step else math.inf
            if is_inside and abs(trained - params[name]) < near:  # else Optuna refuses it
                params[name] = trained
    return params


def _as_json(value: Any) -> Any:
    """A value as JSON; what JSON does not have as Python code."""
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return as_code(value)


def _asked(trial: Trial) -> Suggestion:
    assert trial.asked is not None  # only trials that no sampler drew have none
    return trial.asked


def _distributions(asked: Suggestion) -> dict[str, BaseDistribution]:
    return {name: json_to_distribution(text) for name, text in asked.distributions.items()}


def _importances(ranked: Sequence[FrozenTrial], places: np.ndarray) -> list[float]:
    """Of trials `places`, whose rank is their place."""
    trials = [
        FrozenTrial(
            number=number,
            trial_id=number,
            state=TrialState.COMPLETE,
            value=float(place),
            params=ranked[place].params,
            distributions=ranked[place].distributions,
            intermediate_values={},
            user_attrs={},
            system_attrs={},
            datetime_start=None,
            datetime_complete=None,
        )
        for number, place in enumerate(places)
    ]
    # Imported here, since it brings scikit-learn's forests, which a search has no use for.
    from optuna.importance import (  # noqa: PLC0415
        PedAnovaImportanceEvaluator,
        get_param_importances,
    )

    names = list(ranked[0].params)
    with quiet():
        evaluator = PedAnovaImportanceEvaluator()
        found = get_param_importances(_Drawn(trials), evaluator=evaluator, params=names)
    return [found[name] for name in names]


class _Drawn(optuna.Study):
    """A study of trials that are given.

    To add them to a study copies each deeply, which took four fifths of the time.

    Args:
        trials: The trials, all of them complete.
    """

    def __init__(self, trials: list[FrozenTrial]) -> None:
        storage = InMemoryStorage()
        optuna.create_study(storage=storage, study_name="drawn", direction="minimize")
        super().__init__("drawn", storage)
        self._drawn = trials

    def get_trials(
        self,
        deepcopy: bool = True,  # noqa: FBT001, FBT002 (as in Optuna)
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """The trials."""
        del deepcopy, states
        return self._drawn


def _of_names(trial: Trial, names: Sequence[str]) -> FrozenTrial:
    asked = _asked(trial)
    distributions = _distributions(asked)
    return create_trial(
        value=0.0,
        params={name: asked.params[name] for name in names},
        distributions={name: distributions[name] for name in names},
    )
