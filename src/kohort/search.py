"""A search, from a space to a winner that is proved: this module reads as the flow goes.

space -> trials that climb rungs -> finalists -> a race on splits that the search has not seen
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import keras
import pandas as pd
from optuna.samplers import BaseSampler

from kohort.data.dataset import Dataset
from kohort.data.load import as_dataset
from kohort.design.races import Race
from kohort.design.replicates import Holdout, KFold
from kohort.design.scoring import Mode
from kohort.design.searches.draws import Draw
from kohort.design.searches.rungs import BRACKETS
from kohort.design.searches.sampling import SamplerName, check_seed
from kohort.design.searches.search_spec import SearchSpec, check_search
from kohort.design.searches.tuner_space import build_function
from kohort.design.weights import OfClasses
from kohort.engine.memory import allowed
from kohort.engine.program import cache
from kohort.engine.program.precision import Precision, matmul_precision
from kohort.engine.ray_settings import Executor, Ray, cluster_of
from kohort.errors import DesignError, count
from kohort.evidence.provenance import environment
from kohort.evidence.store import open_store
from kohort.evidence.trials import SearchRecord
from kohort.keras_api.callbacks import Callback, listed
from kohort.report.progress import Progress
from kohort.runs.checkpointing import CADENCE
from kohort.runs.cluster.dispatch import dispatching, memory_for, staying
from kohort.runs.retention.retaining import Keep, check_keep
from kohort.runs.searches.keeping import keeping, proved_before
from kohort.runs.searches.search_result import SearchResult
from kohort.runs.searches.searching import check_callbacks, check_found, search
from kohort.study import Study, study_of

CONFIRM = 5
"""How many finalists are proved, if nothing else is asked for."""


class Search:
    """A search for good arguments of a build function, in a space too large for a grid.

    Trials are drawn from the space and climb rungs: after each, the best part goes on from where
    it stands, and the others end (successive halving, in brackets as of Hyperband). Trials of one
    architecture are one compiled program. The best ones are finalists: they are trained anew, on
    splits and under seeds that the search has not seen, as a `Race`. Their scores there are what
    they are worth; the search's own best scores are flattered by having been picked.

    Args:
        name: Names the search, and the race of its finalists.
        build: Returns a compiled model for the arguments of a trial; of KerasTuner's kind,
            `build(hp)` or a `HyperModel` with such a method, where `space` is None.
        space: By the name of an argument a list of choices, a `Range`, a distribution of Optuna's,
            or `{choice: {further arguments}}`; anything else, a tuple too, is the same for all
            trials. None for a `build(hp)`, which writes its space while it builds.
        data: As in `Study`.
        trials: How many sets of arguments to try.
        epochs: How long those train that reach the last rung, and the finalists.
        batch_size: The number of samples in a step.
        sampler: What draws them: "tpe" (it learns from what was tried), "random", "qmc" (evenly
            spread), or a sampler of Optuna's, which for a store needs a seed.
        reduction: Of the trials that reach a rung, one of so many goes on.
        rungs: How many rungs; None for as many as the epochs and the trials allow.
        brackets: How many brackets; the second one begins a rung higher, for slow learners. Two
            become one where there are too few rungs; more are refused.
        replicates: How the finalists are proved, a `Race` or its splits; of these the search
            trains on one, drawn anew. None is `Race(Holdout(0.2, repeats=12), first=4, looks=3)`.
        seed: Of everything random.
        callbacks: EarlyStopping, ReduceLROnPlateau, LearningRateScheduler or TerminateOnNaN; each
            trial gets copies.
        confidence: As in `Study`.
        metric: As in `Study`.
        mode: As in `Study`.
        margin: As in `Study`.
        class_weight: As in `Study`, the same for all trials.
        sample_weight: As in `Study`.

    Raises:
        DesignError: The arguments do not fit together, or one is none of those that it can be.
        DataError: The arrays make no `Dataset`.

    Example:
        >>> import kohort
        >>> search = kohort.Search(
        ...     "rate and width",
        ...     build,
        ...     {"units": [4, 16], "learning_rate": kohort.Range(1e-3, 0.1, log=True)},
        ...     data,
        ...     trials=6,
        ...     epochs=4,
        ...     batch_size=20,
        ... )
        >>> result = search.run(verbose=0, confirm=2)
        >>> result.winner in result.flattery().index
        True
    """

    def __init__(
        self,
        name: str,
        build: Callable[..., keras.Model],
        space: Mapping[str, Any] | None,
        data: Dataset | tuple[Any, Any],
        *,
        trials: int,
        epochs: int,
        batch_size: int = 32,
        sampler: SamplerName | BaseSampler = "tpe",
        reduction: int = 3,
        rungs: int | None = None,
        brackets: int = BRACKETS,
        replicates: Holdout | KFold | Race | None = None,
        seed: int = 0,
        callbacks: Callback | Sequence[Callback] = (),
        confidence: float = 0.95,
        metric: str | None = None,
        mode: Mode = "auto",
        margin: float | None = None,
        class_weight: OfClasses | None = None,
        sample_weight: Any = None,
    ) -> None:
        self.spec = SearchSpec(
            name=name,
            build=build_function(build),
            space=space,
            data=as_dataset(data) if isinstance(data, tuple) else data,
            trials=trials,
            epochs=epochs,
            batch_size=batch_size,
            sampler=sampler,
            reduction=reduction,
            rungs=rungs,
            brackets=brackets,
            replicates=replicates,
            seed=seed,
            callbacks=tuple(listed(callbacks)),
            confidence=confidence,
            metric=metric,
            mode=mode,
            margin=margin,
            class_weight=class_weight,
            sample_weight=sample_weight,
        )
        # A study asks for a function in place of callbacks that write files; a search takes none.
        check_callbacks(self.spec.callbacks)
        check_search(self.spec)
        self._searched: SearchRecord | None = None

    def __repr__(self) -> str:
        return f"Search({self.spec.name!r}, {count(self.spec.trials, 'trial')}, {self.spec.data!r})"

    def trials(self) -> pd.DataFrame:
        """One row for each trial that `run` tried: its arguments, how far it came, its score.

        Also where `run` found none that trains: why, or where each diverged, is in the rows.

        Raises:
            DesignError: It has not been run.

        Example:
            >>> # search: the one of `Search`, which has been run
            >>> search.trials().index.name, len(search.trials())
            ('trial', 6)
        """
        if self._searched is None:
            raise DesignError("a search that has been run", "one that was not", "call run first")
        return self._searched.frame()

    def run(
        self,
        store: str | Path | None = None,
        *,
        confirm: int = CONFIRM,
        fresh: bool = False,
        checkpoint_seconds: float = CADENCE,
        keep: Keep | None = None,
        memory: int | str | None = None,
        precision: Precision = None,
        verbose: Literal["auto", 0, 1] = "auto",
        executor: Executor = "local",
    ) -> SearchResult:
        """Search, and prove the finalists.

        In a store both are kept while they run: the same call goes on where it was ended, to the
        same numbers, and one of more trials or epochs goes on from what there is. The race is kept
        under the name of the search, where `kohort.open` finds it.

        Args:
            store: As in `Study.run`.
            confirm: How many finalists to prove, 2 or more; once that many were proved, no fewer.
            fresh: Whether to forget what the store has of the search, and begin anew.
            checkpoint_seconds: Seconds of training after which states are kept.
            keep: As in `Study.run`, of the race of the finalists; "all" also keeps the states of
                trials that trained to the end, from which more epochs go on.
            memory: As in `Study.run`.
            precision: As in `Study.run`.
            verbose: 0 is silent; anything else shows progress on stderr.
            executor: As in `Study.run`, for the trials and the race of the finalists.

        Raises:
            DesignError: All trials fail or diverge, an argument is none of those that it can be, or
                there is no such cluster.
            StoreError: As in `Study.run`; or the search differs from the one that is kept.
            Interrupted: The run of a search in a store was asked to end, and is kept.

        Example:
            >>> result = search.run("kohort.db", verbose=0, confirm=2)
            >>> result.table()["replicates"].max() <= 12
            np.True_
        """
        if not isinstance(confirm, int) or isinstance(confirm, bool) or confirm < 2:
            raise DesignError("confirm of 2 or more", repr(confirm), "give a whole number")
        check_keep(keep, store)
        if store is not None:
            check_seed(self.spec.sampler)
            self.spec.choices.check_kept()
        cluster = cluster_of(executor)
        with staying(cluster) as joined:
            searched = self._search(
                *(store, confirm, checkpoint_seconds, keep, memory, precision),
                fresh=fresh,
                visible=verbose != 0,
                cluster=joined,
            )
            proved = self._proof(searched).run(
                store,
                fresh=fresh,
                checkpoint_seconds=checkpoint_seconds,
                keep=keep,
                memory=memory,
                precision=precision,
                verbose=verbose,
                executor=joined or "local",
            )
        return SearchResult(proved, searched)

    def _search(
        self,
        store: str | Path | None,
        confirm: int,
        checkpoint_seconds: float,
        keep: Keep | None,
        memory: int | str | None,
        precision: Precision,
        *,
        fresh: bool,
        visible: bool,
        cluster: Ray | None,
    ) -> SearchRecord:
        spec = self.spec
        # Without a store nobody goes on from what is kept.
        cadence = math.inf if store is None else checkpoint_seconds
        with ExitStack() as stack:
            workers = stack.enter_context(dispatching(cluster, precision, checkpoint_seconds))
            limit = allowed(memory_for(workers, memory))
            stack.enter_context(matmul_precision(precision))
            stack.enter_context(cache.persistent())
            progress = stack.enter_context(Progress(visible=visible))
            opened = stack.enter_context(open_store("sqlite://" if store is None else store))
            how = {"precision": precision, "environment": environment()}
            kept = keeping(opened, spec, how, cadence, keep, fresh=fresh, tell=progress.tell)
            keeper = stack.enter_context(kept)
            before = proved_before(opened, spec, fresh=fresh)
            searched = search(spec, keeper, limit, progress, confirm, before, workers)
            self._searched = searched  # Also where nothing is found: why is seen in the trials.
            check_found(searched)
        return searched

    def _proof(self, searched: SearchRecord) -> Study:
        """The race of the finalists; the first of them is the search's own best."""
        drawn = {trial.number: trial.arguments for trial in searched.trials}
        variants = tuple(
            self.spec.variant(Draw(number, dict(drawn[number]))) for number in searched.finalists
        )
        return study_of(self.spec.proved_as(variants))


def search_of(spec: SearchSpec) -> Search:
    """The search of a specification.

    Raises:
        DesignError: As `Search`.
    """
    return Search(**{field.name: getattr(spec, field.name) for field in fields(spec)})
