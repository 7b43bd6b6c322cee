"""The variants of a study as trials of Optuna's, for its dashboard, its plots and its storages."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.pool import NullPool

from kohort.design.searches.space import Label, labels_of
from kohort.errors import StoreError
from kohort.evidence.given_values import evaluated, short
from kohort.evidence.trials import SearchRecord
from kohort.findings.conclusions import Conclusions
from kohort.report.answers import answer
from kohort.report.exports.in_memory import written_from_memory
from kohort.report.exports.study_export import StudyExport
from kohort.report.searches.optuna_study import Storage, as_optuna, local, new_study

DATABASE = "optuna.db"


def write(study: StudyExport, folder: Path) -> None:
    """Write a study, or the trials of a search, to a new folder, as a storage of Optuna's.

    Raises:
        OSError: The folder cannot be written.
        StoreError: It has not ended.
    """
    told = study.trials
    # What a sampler drew is kept when a search ends.
    is_open = isinstance(told, SearchRecord) and any(t.asked is None for t in told.trials)
    if told is None or is_open:
        raise StoreError(
            "a study or search that was run to its end, for optuna",
            f"{study.name!r}, which was not",
            "run it again: it goes on",
        )
    folder.mkdir()
    with written_from_memory(folder / DATABASE) as url:
        storage = RDBStorage(url, engine_kwargs={"poolclass": NullPool})
        try:
            write_to(told, storage)
        finally:
            storage.remove_session()
            storage.engine.dispose()


def write_to(told: Conclusions | SearchRecord, storage: Storage) -> optuna.Study:
    """Write the variants of a study, or the trials of a search, to a storage of Optuna's.

    Raises:
        StoreError: The storage has a study of its name, or cannot be opened.
    """
    if isinstance(told, SearchRecord):
        return as_optuna(told, storage)
    settings = told.record.settings
    study = new_study(
        *(settings.study, settings.metric, storage), higher_is_better=settings.higher_is_better
    )
    facts = {
        "answer": answer(told),
        "winner": told.winner_name,
        "replicates": settings.replicates,
        "batch_size": settings.batch_size,
        "seed": settings.seed,
    }
    for name, value in facts.items():
        study.set_user_attr(name, value)
    given = _given(told)
    study.add_trials([_trial(told, number, given) for number in range(len(told.record.variants))])
    return study


def _trial(told: Conclusions, number: int, given: dict[str, dict[str, Label]]) -> FrozenTrial:
    facts, sound = told.record.variants[number], told.study.variants[number].sound
    state, arguments = _state(told, number), {**facts.defaults, **facts.arguments}
    trial = create_trial(
        state=state,
        value=told.score(number).mean if state != TrialState.FAIL else None,
        params={name: given[name][code] for name, code in arguments.items()},
        distributions={
            name: CategoricalDistribution(list(given[name].values())) for name in arguments
        },
        intermediate_values=_by_epoch(told, number) if len(sound) else {},
        user_attrs=_attributes(told, number),
    )
    # Variants train beside each other: the end is that of its last member, and the duration the
    # time that its members trained.
    trained = np.flatnonzero(told.record.whole.lengths[number]).tolist()
    ends = [told.record.end_of(number, replicate).finished for replicate in trained]
    trial.datetime_complete = local(max(ends, default=told.record.settings.finished))
    trial.datetime_start = trial.datetime_complete - timedelta(seconds=_seconds(told, number))
    return trial


def _state(told: Conclusions, number: int) -> TrialState:
    """Complete are those alone that the winner is chosen from: Optuna's best trial is the winner.

    One that left a race is pruned, one that lost replicates to divergence has failed.
    """
    race, curves = told.race, told.study.variants[number]
    if race is not None and number in race.left:
        left = race.left[number].verdicts[number]
        return TrialState.FAIL if left == "diverged" else TrialState.PRUNED
    if not len(curves.sound) or (race is None and number not in told.study.candidates):
        return TrialState.FAIL
    return TrialState.COMPLETE


def _by_epoch(told: Conclusions, number: int) -> dict[int, float]:
    """The mean over its sound replicates after each epoch (from 1) that all of them trained."""
    record, curves = told.record, told.study.variants[number]
    values = record.whole.of(f"val_{record.settings.metric}")[number, curves.sound]
    means = values[:, : curves.epochs].mean(axis=0).tolist()
    return dict(enumerate(means, start=1))


def _attributes(told: Conclusions, number: int) -> dict[str, Any]:
    """What is told of a variant beside its score; what is not known is left out."""
    record, curves = told.record, told.study.variants[number]
    facts = record.variants[number]
    found: dict[str, Any] = {
        "variant": facts.name,
        "replicates": len(curves.sound),
        "diverged": int(curves.diverged.sum()),
        "epochs": int(record.whole.lengths[number].max()),
        "parameters": facts.parameters,
        "seconds": _seconds(told, number),
    }
    if len(curves.sound):
        score, train = told.score(number), told.score(number, "eval_")
        found |= {"score": score.mean, "low": score.low, "high": score.high}
        found |= {"train": train.mean, "best_epoch": curves.best + 1}
        found["scores"] = told.scores(number)[curves.sound].tolist()
    known = {
        name: value
        for name, value in found.items()
        if not isinstance(value, float) or np.isfinite(value)
    }
    verdicts = {f.code: f.verdict for f in told.findings if f.variant == facts.name}
    return known | verdicts


def _given(told: Conclusions) -> dict[str, dict[str, Label]]:
    """By name and Python code, each argument that some variant has, as Optuna takes it."""
    codes: dict[str, dict[str, None]] = {}
    for variant in told.record.variants:
        for name, code in {**variant.defaults, **variant.arguments}.items():
            codes.setdefault(name, {})[code] = None
    return {
        name: dict(zip(of_name, labels_of([_value(code) for code in of_name]), strict=True))
        for name, of_name in codes.items()
    }


def _value(code: str) -> Any:
    value = evaluated(code)
    return short(code) if isinstance(value, str) and value == code else value


def _seconds(told: Conclusions, number: int) -> float:
    spent = told.record.seconds.items()
    return sum((seconds for (variant, _), seconds in spent if variant == number), 0.0)
