"""The peer Optuna: TPE with the Hyperband pruner, driving `keras.Model.fit`."""

import sys
from collections.abc import Callable
from typing import Any

import keras
import optuna

from benchmarks.peers.search_told import told
from benchmarks.peers.search_work import DROPOUTS, PENALTIES, RATES, named


class Reporting(keras.callbacks.Callback):
    """Reports each epoch to the pruner, as Optuna's integration for Keras does."""

    def __init__(self, trial: optuna.Trial) -> None:
        super().__init__()
        self._trial, self.best, self.weights = trial, 0.0, None
        self.epochs = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report, keep the best weights, and end where the pruner says so."""
        assert logs is not None
        self.epochs += 1
        if logs["val_accuracy"] > self.best:
            self.best, self.weights = logs["val_accuracy"], self.model.get_weights()
        self._trial.report(logs["val_accuracy"], epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned


def main() -> None:
    """Search, and tell."""
    search(lambda seed: optuna.samplers.TPESampler(seed=seed), optuna.pruners.HyperbandPruner)


def search(
    sampler: Callable[[int], optuna.samplers.BaseSampler],
    pruner: Callable[..., optuna.pruners.BasePruner] | None,
) -> None:
    """Search as the command line says, and tell.

    Args:
        sampler: Of a seed.
        pruner: Of fewest epochs, most, and the reduction factor; None where no trial ends early.
    """
    name, trials, epochs, seed = sys.argv[1], *map(int, sys.argv[2:])
    work = named(name)
    (x, y), valid = work.split(seed)
    best: dict[str, Any] = {"score": 0.0}
    spent = []

    def objective(trial: optuna.Trial) -> float:
        arguments = {
            "units": work.widths[trial.suggest_categorical("units", range(len(work.widths)))],
            "learning_rate": trial.suggest_float("learning_rate", *RATES, log=True),
            "dropout": trial.suggest_float("dropout", *DROPOUTS),
            "l2": trial.suggest_float("l2", *PENALTIES, log=True),
        }
        keras.utils.set_random_seed(seed)
        model, reporting = work.build(arguments), Reporting(trial)
        try:
            model.fit(
                x, y, batch_size=work.batch_size, epochs=epochs, validation_data=valid,
                callbacks=[reporting], verbose=0,
            )  # fmt: skip
        finally:
            spent.append(reporting.epochs)
            if reporting.best > best["score"]:
                best.update(score=reporting.best, model=model, weights=reporting.weights)
        return reporting.best

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        sampler=sampler(seed),
        pruner=pruner(1, epochs, reduction_factor=3) if pruner else optuna.pruners.NopPruner(),
        direction="maximize",
    )
    study.optimize(objective, n_trials=trials)
    best["model"].set_weights(best["weights"])
    told(
        work.accuracy(best["model"]),
        validation=best["score"],
        trials=trials,
        member_epochs=sum(spent),
    )


if __name__ == "__main__":
    main()
