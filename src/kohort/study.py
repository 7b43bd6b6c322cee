"""A study, from data to verdict: this module reads top to bottom as the data flow.

data + variants + replicates -> plan -> cohorts train -> curves and weights -> Result
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kohort.data.dataset import Dataset
from kohort.data.load import as_dataset
from kohort.design.compatibility import checked_spec
from kohort.design.plan import Plan
from kohort.design.races import Race
from kohort.design.replicates import Holdout, KFold
from kohort.design.scoring import Mode
from kohort.design.searches.taken_arguments import check_variants
from kohort.design.spec import StudyCallbacks, StudySpec
from kohort.design.validation import listed_variants
from kohort.design.variants import Variant
from kohort.design.weights import ClassWeight
from kohort.engine.loop.chunking import check_chunk
from kohort.engine.members import Resources
from kohort.engine.memory import allowed
from kohort.engine.program import cache
from kohort.engine.program.precision import Precision, matmul_precision
from kohort.engine.ray_settings import Executor, cluster_of
from kohort.errors import check_choice
from kohort.evidence.provenance import RunStart, environment
from kohort.keras_api.callbacks import listed
from kohort.report.notebooks.study_view import StudyView
from kohort.report.progress import Progress
from kohort.result import Result
from kohort.runs.checkpointing import CADENCE
from kohort.runs.cluster.dispatch import dispatching, memory_for
from kohort.runs.fitting import Engine
from kohort.runs.new_models import before_training
from kohort.runs.racing import plans_to_train
from kohort.runs.recording import study_record
from kohort.runs.refitting import Refitter
from kohort.runs.retention.kept_members import kept_members
from kohort.runs.retention.retaining import Keep, check_keep, wanted
from kohort.runs.session import StoreTarget, session
from kohort.runs.training import Training
from kohort.runs.work import Planned
from kohort.tracing.signature import global_settings

_GIVEN = {field.name for field in fields(StudySpec) if field.init} | {"epochs_of", "shares_of"}


class Study(StudyView):
    """A set of variants, trained in paired replicates on one dataset.

    Args:
        name: Names the study.
        variants: What to compare; the first is the baseline.
        data: A `Dataset`; or arrays `(x, y)`, of which there is no test set, or
            `((x_train, y_train), (x_test, y_test))` as `keras.datasets` gives them.
        replicates: How the training data are split: `Holdout(...)` or `KFold(...)`; or a `Race`
            over them, which trains less where less decides.
        epochs: The number of epochs to train, the same for all or by variant name.
        batch_size: The number of samples in a step.
        seed: Of splits, initial weights and batch orders.
        callbacks: Keras callbacks that act at epochs, such as EarlyStopping; each member gets
            copies. If they write to files, give a function of the variant's name and the
            replicate's number that returns the callbacks of one member.
        confidence: Of all intervals, between 0 and 1.
        metric: What to score by, a metric that all models are compiled with, or "loss", without
            penalties of weights. None is an accuracy of Keras's own where all have one, else that.
        mode: "max" or "min" where a higher or a lower metric is better; "auto" where Keras knows.
        margin: The smallest difference of practical interest, in the unit of the metric. None is
            0.01 for proportions; 5 % of the best score where 0 is the best that there is, as of
            mse; else 5 % of what it gains on one answer for all samples, if that is known, or 0.
        sizes: Parts of the training samples, such as `(1/16, 1/8, 1/4, 1/2)`, to train on as
            well, for all variants or by variant name; the learning curve tells what more data
            would bring, from five sizes on: four parts and the whole. Each costs as much as
            training on all samples: an epoch has as many steps.
        class_weight: How much each class counts in the loss that trains, as in `keras.Model.fit`:
            weights by class name or number, such as `{"yes": 5}`, where other classes have 1; or
            "balanced", n / (k n_class) in what each member trains on, as scikit-learn has it. Or
            these by variant name, which tells what they change: `{"weighted": "balanced"}`. As in
            Keras nothing is measured with them: losses of both sides and all variants compare.
        sample_weight: `[train sample]`, how much each sample counts in the loss, in the order of
            `x_train`; None is `data.sample_weight`. As in `keras.Model.fit` with `validation_split`
            losses are measured with them, of train and validation alike, and metrics only where a
            model is compiled with `weighted_metrics`; the test set has none. Not with class_weight.

    Raises:
        DesignError: The arguments do not fit together, or one is none of those that it can be.
        DataError: The arrays make no `Dataset`.

    Example:
        >>> import kohort
        >>> study = kohort.Study(
        ...     "width",
        ...     kohort.grid(build, units=[1, 16]),
        ...     data,
        ...     replicates=kohort.Holdout(fraction=0.25, repeats=3),
        ...     epochs=2,
        ...     batch_size=10,
        ...     sizes={"units=16": [0.5]},
        ... )
        >>> result = study.run("kohort.db", verbose=0)
        >>> result.winner
        'units=16'
    """

    def __init__(
        self,
        name: str,
        variants: Sequence[Variant],
        data: Dataset | tuple[Any, Any],
        *,
        replicates: Holdout | KFold | Race,
        epochs: int | Mapping[str, int],
        batch_size: int = 32,
        seed: int = 0,
        callbacks: StudyCallbacks = (),
        confidence: float = 0.95,
        metric: str | None = None,
        mode: Mode = "auto",
        margin: float | None = None,
        sizes: Sequence[float] | Mapping[str, Sequence[float]] = (),
        class_weight: ClassWeight | None = None,
        sample_weight: Any = None,
    ) -> None:
        self.spec = StudySpec(
            name=name,
            variants=listed_variants(variants),
            data=as_dataset(data) if isinstance(data, tuple) else data,
            replicates=replicates,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            callbacks=callbacks if callable(callbacks) else tuple(listed(callbacks)),
            confidence=confidence,
            metric=metric,
            mode=mode,
            margin=margin,
            sizes=sizes,
            class_weight=class_weight,
            sample_weight=sample_weight,
        )
        self.spec = checked_spec(self.spec)
        check_variants(self.spec.variants)
        self._planned: Planned | None = None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # What a study was given: study.epochs, study.seed, ...
            if name in _GIVEN:
                return getattr(self.spec, name)
            raise AttributeError(f"a study has no attribute {name!r}")

        def __setattr__(self, name: str, value: Any) -> None:
            if name in _GIVEN:
                raise AttributeError(f"{name} of a study cannot be changed: make another study")
            object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_planned": None}  # What JAX has traced cannot be copied.

    @property
    def name(self) -> str:
        """What the study is called.

        Example:
            >>> study.name
            'width'
        """
        return self.spec.name

    @property
    def variants(self) -> tuple[Variant, ...]:
        """What it compares; the first is the baseline.

        Example:
            >>> study.variants
            (Variant('units=1', build, units=1), Variant('units=16', build, units=16))
        """
        return self.spec.variants

    @property
    def data(self) -> Dataset:
        """What it trains and judges on.

        Example:
            >>> study.data
            Dataset('points', 240 train and 60 test samples of (5,) float32, 5 classes)
        """
        return self.spec.data

    def plan(self) -> Plan:
        """What will train together, and why not more; `print` it.

        The models that it builds are those that `run` trains.

        Raises:
            DesignError: A build function fails, its model does not take the data, or it is not
                compiled with the metric that scores.

        Example:
            >>> plan = study.plan()
            >>> len(plan.every_member), len(plan.cohorts)
            (9, 2)
            >>> print(plan)
            Study 'width': 9 members; programs to compile, one for each cohort: 2; about 32.1 KB
              cohort 1/2: units=1: 3 members of 16 parameters, 2 epochs of 180 samples in ...
              cohort 2/2: units=16: 6 members of 181 parameters, ...; apart because its layers ...
        """
        with cache.persistent():
            self._planned = Planned.of(self.spec)
        return self._planned.plan

    def run(
        self,
        store: str | Path | None = None,
        *,
        fresh: bool = False,
        checkpoint_seconds: float = CADENCE,
        keep: Keep | None = None,
        engine: Engine = "auto",
        chunk_size: int | None = None,
        memory: int | str | None = None,
        precision: Precision = None,
        verbose: Literal["auto", 0, 1] = "auto",
        executor: Executor = "local",
    ) -> Result:
        """Train every member, and return what was measured.

        Each member ends with the weights of its epoch of lowest validation loss. One whose losses
        are NaN or infinite after an epoch trains no more. All devices that JAX sees are used.

        In a store the study is kept while it trains, under its name, and the same call goes on
        where an earlier one was ended, whatever ended it. Members come out as if nothing had.
        Variants, replicates and sizes may be added: only what is new is trained. So may epochs.

        Args:
            store: A path keeps the study in an SQLite file, with weights in a folder beside it; a
                URL "postgresql://USER@HOST/DATABASE" on a server. None keeps nothing.
            fresh: Whether to forget what the store has of the study, and begin anew.
            checkpoint_seconds: Seconds of training after which members that train side by side are
                kept as they are. Less often where writing would take 2 % of the time. Members with
                callbacks that you wrote, or with Keras's that write files, start over instead.
            keep: What stays in the store when the study has ended. "winners": the weights of what
                `Result` ships: all members of the winner and of the cheapest variant that is as
                good, and the baseline's best. "final": the weights of all members. "all": what more
                epochs go on from, too, which takes four times as much with Adam; else members
                train from their first epoch where epochs are added. None is what the study was
                kept with before, "final" at first.
            engine: "auto" trains each cohort as one compiled program, and by `keras.Model.fit`
                what `plan` says is in none. "fused" refuses a study with such members. "keras"
                leaves all members to `keras.Model.fit`, one after another: the reference.
            chunk_size: How many members one call of a program trains side by side; None chooses
                by measuring, as in `kohort.fit`.
            memory: What training may take on each device, in bytes or as text, as in `kohort.fit`.
            precision: How exactly matrices are multiplied, as in `kohort.fit`.
            verbose: 0 is silent; anything else shows progress on stderr.
            executor: "local" trains in this process; "ray", or a `kohort.Ray`, on a Ray cluster,
                whose workers get blocks of members. What they measure is kept from here.

        Raises:
            DesignError: As `plan`, an argument is none of those that it can be, or there is no such
                cluster.
            ModelError: A member cannot be trained by the engine "fused".
            StoreError: The store cannot be opened or written, another process runs the study, or
                another study is kept under its name.
            Interrupted: The run of a study in a store was asked to end, and is kept.

        Example:
            >>> result = study.run("kohort.db", verbose=0)
            >>> result.table()["parameters"][:2].to_dict()
            {'units=16': 181, 'units=1': 16}
        """
        check_choice("engine", engine, ("auto", "fused", "keras"))
        check_chunk(chunk_size)
        check_keep(keep, store)
        cluster = cluster_of(executor)
        start = RunStart.now()
        target = None if store is None else StoreTarget(store, fresh, checkpoint_seconds, keep)
        with ExitStack() as stack:
            workers = stack.enter_context(dispatching(cluster, precision, checkpoint_seconds))
            # To ask what memory there is starts JAX, which takes most of a GPU's.
            most = 0 if engine == "keras" else allowed(memory_for(workers, memory))
            resources = Resources(chunk_size, most)
            stack.enter_context(matmul_precision(precision))
            # To build models compiles too: some hundred programs, small ones.
            stack.enter_context(cache.persistent())
            spec, (plan, models, _) = self.spec, self._take_plan(resources.memory)
            if engine == "fused":
                plan.check_fused()
            # "auto" and "fused" give the same numbers: each goes on what the other has begun.
            trains_by = "keras" if engine == "keras" else "fused"
            progress = stack.enter_context(Progress(visible=verbose != 0))
            losses, learned = before_training(spec, models)
            checkpointer = None
            if target is not None:
                how = {"engine": trains_by, "precision": precision, "environment": environment()}
                checkpointer = stack.enter_context(session(target, spec, plan, how, progress.tell))
            start = start if checkpointer is None else start.among(checkpointer.runs)
            readings = None if target is None else target.readings(spec.name)
            stored = None if target is None else target.durable
            refits = Refitter(spec, engine, memory, precision, stored)

            def trained() -> Result:
                """The result, when what is left has trained."""
                work = Training(spec, models, engine, resources, progress, checkpointer, workers)
                record_of = partial(
                    study_record,
                    *(spec, models, work.records, losses, learned),
                    engine=trains_by,
                    start=start,
                )
                for part in plans_to_train(spec, plan, models, record_of, progress.tell):
                    work.train(part, record_of)
                record = record_of(seeks_copies=True)
                members = kept_members(
                    *(spec.variants, spec.whole_replicates, spec.data),
                    *(work.records.weights, record.whole),
                )
                return Result(record, spec.variants, spec.data, members, readings, refits)

            result = trained()
            if checkpointer is not None:
                while checkpointer.lacks(wanted(result.conclusions)):
                    progress.anew()
                    result = trained()
                checkpointer.conclude(result.record, result.findings())
        return result

    def _take_plan(self, memory: int) -> "Planned":
        """What `plan` made, once, as its models train once; if global settings are others, anew."""
        planned, self._planned = self._planned, None
        if planned is not None and planned.settings == global_settings():
            return planned
        return Planned.of(self.spec, memory)


def study_of(spec: StudySpec) -> Study:
    """The study of a specification.

    Raises:
        DesignError: As `Study`.
    """
    return Study(**{field.name: getattr(spec, field.name) for field in fields(spec) if field.init})
