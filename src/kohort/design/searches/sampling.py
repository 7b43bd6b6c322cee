"""Asks a sampler of Optuna for the arguments of trials, and tells it how they did."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Literal

import optuna
from optuna.distributions import distribution_to_json
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from kohort.design.searches.draws import Arguments, Draw, Suggestion
from kohort.design.searches.quiet import quiet
from kohort.design.searches.space import Space
from kohort.design.variants import FROM_BUILD, as_code
from kohort.errors import DesignError, reason

type SamplerName = Literal["tpe", "random", "qmc"]

REDRAWS = 100
"""How often arguments that another trial has are drawn anew, before a search ends."""


class Asking:
    """One search as Optuna sees it.

    All is told in the order in which it was asked, so that the same answers lead to the same
    trials.

    Args:
        space: What there is to choose.
        sampler: "tpe", "random", "qmc", or a sampler of Optuna's.
        seed: Of the sampler; one of Optuna's has a seed of its own.

    Raises:
        DesignError: There is no such sampler.
    """

    def __init__(self, space: Space, sampler: SamplerName | BaseSampler, seed: int) -> None:
        self._space = space
        with quiet():
            self._study = _Told(_sampler(sampler, seed))
        self._asked: dict[int, optuna.Trial] = {}
        self._seen: set[str] = set()
        self.is_used_up = False
        """Whether the last trial that was asked for was none: no further one differs."""

    def ask(self) -> Draw | None:
        """The next trial; None where the sampler draws nothing new, as from a small space.

        Raises:
            DesignError: No other trial can be drawn than this one, the sampler needs a package that
                is not there, or it cannot draw from the space.
        """
        for _ in range(REDRAWS if len(self._seen) < self._space.count else 0):
            with quiet():
                trial, arguments, failure = self._drawn()
            if not failure:
                _check_choice(trial)
            told = as_code(dict(sorted(arguments.items())))
            if told not in self._seen:  # What failed would fail again.
                self._seen.add(told)
                number = len(self._asked)
                self._asked[number] = trial
                self.is_used_up = False
                return Draw(number, arguments, failure, _asked(trial))
            # What another trial has will be known from that one.
            self._study.tell(trial, state=TrialState.FAIL)
        self.is_used_up = True
        return None

    def _drawn(self) -> tuple[optuna.Trial, Arguments, str]:
        """A trial, its arguments, and why it cannot be drawn, if it cannot."""
        try:
            trial, failure = self._study.ask(), ""
            arguments: Arguments = {}
            try:
                self._space.draw(trial, arguments)
            except DesignError as error:
                failure = failure_of(error)
            return trial, arguments, failure
        except ImportError as error:
            raise DesignError(
                f"what {type(self._study.sampler).__name__} needs to draw trials",
                str(error).partition("\n")[0],
                "install it, or use another sampler",
            ) from error
        except (LookupError, ValueError) as error:  # as one of a grid that lacks an argument
            raise DesignError(
                "a sampler that draws all arguments of the space, each from its values",
                f"{type(self._study.sampler).__name__}: {reason(error)}",
                "give it what the space has, or use another sampler",
            ) from error

    def tell(self, number: int, errors: Mapping[int, float], *, is_whole: bool) -> None:
        """Tell how a trial did.

        Args:
            number: The trial's.
            errors: By the epochs of a rung, the score after it, turned so that lower is better;
                none of a trial that failed.
            is_whole: Whether it was trained for as many epochs as any.
        """
        trial = self._asked[number]
        with quiet():
            for epochs, error in errors.items():
                trial.report(error, epochs)
            if not errors:
                self._study.tell(trial, state=TrialState.FAIL)
            elif is_whole:
                self._study.tell(trial, errors[max(errors)])
            else:
                self._study.tell(trial, state=TrialState.PRUNED)


class _Told(optuna.Study):
    """A study of Optuna's that is asked and told, and minimizes.

    Args:
        sampler: Draws its trials.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        storage = InMemoryStorage()
        optuna.create_study(storage=storage, study_name="search", direction="minimize")
        super().__init__("search", storage, sampler, optuna.pruners.NopPruner())

    def stop(self) -> None:
        """Go on: a sampler that has drawn all of its grid stops `optimize`, which does not run.

        That nothing new is drawn is seen when it is asked.
        """


def _check_choice(trial: optuna.Trial) -> None:
    """Refuse a `build(hp)` that leaves nothing to choose: what it asks for is known by now."""
    if all(drawn_from.single() for drawn_from in trial.distributions.values()):
        raise DesignError(
            "a build(hp) that asks hp for what has two values or more",
            f"one that asks for {', '.join(trial.distributions) or 'nothing'}",
            'ask for hp.Float("rate", 1e-4, 1e-2), say; kohort.Study trains a single model',
        )


def _asked(trial: optuna.Trial) -> Suggestion:
    distributions = {
        name: distribution_to_json(drawn_from) for name, drawn_from in trial.distributions.items()
    }
    return Suggestion(dict(trial.params), distributions)


def failure_of(error: DesignError) -> str:
    """Why a trial fails, without its name: of a build function that raises what it raised."""
    what, of_build, _name = error.expected.partition(FROM_BUILD)
    if of_build and what == "a model":
        return error.received
    return f"expected {what}{' from the build function' * bool(of_build)}, got {error.received}"


def learns(sampler: object) -> bool:
    """Whether what a sampler draws depends on how earlier trials did."""
    return sampler not in ("random", "qmc") and not isinstance(sampler, RandomSampler | QMCSampler)


def check_sampler(sampler: object) -> None:
    """Refuse what is no sampler.

    Raises:
        DesignError: It is none.
    """
    if sampler not in ("tpe", "random", "qmc") and not isinstance(sampler, BaseSampler):
        raise DesignError(
            "sampler 'tpe', 'random', 'qmc', or one of optuna.samplers", repr(sampler), "give one"
        )


def check_seed(sampler: object) -> None:
    """Refuse a sampler of Optuna's without a seed, by which no search can go on.

    What Optuna has of a seed is its own affair: of two copies of such a sampler the first numbers
    differ. One that draws no number outside of its grid is taken as it is.

    Raises:
        DesignError: It has none.
    """
    if isinstance(sampler, BaseSampler) and len(set(map(_first_number, (sampler, sampler)))) > 1:
        raise DesignError(
            "a sampler with a seed for a search in a store, which is to go on to the same trials",
            f"{type(sampler).__name__} without one",
            f"give it one: {type(sampler).__name__}(seed=0), say",
        )


def _first_number(sampler: BaseSampler) -> float:
    with quiet():
        try:
            return _Told(deepcopy(sampler)).ask().suggest_float("any", 0.0, 1.0)
        except (ImportError, LookupError, ValueError):  # It is told, if so, when trials are drawn.
            return 0.0


def _sampler(sampler: SamplerName | BaseSampler, seed: int) -> BaseSampler:
    if isinstance(sampler, BaseSampler):
        return deepcopy(sampler)  # Another run draws the same again.
    if sampler == "random":
        return RandomSampler(seed=seed)
    if sampler == "qmc":
        return QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)
    return TPESampler(seed=seed, constant_liar=True)
