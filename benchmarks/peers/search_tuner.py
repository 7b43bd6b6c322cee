"""The peer KerasTuner: its Hyperband, whose trials follow from the epochs."""

import sys
import tempfile
from typing import Any

import keras
import keras_tuner

from benchmarks.peers.search_told import told
from benchmarks.peers.search_work import DROPOUTS, PENALTIES, RATES, named


def main() -> None:
    """Search, and tell."""
    name, _, epochs, seed = sys.argv[1], *map(int, sys.argv[2:])
    work = named(name)
    (x, y), valid = work.split(seed)

    def build(hp: Any) -> keras.Model:
        return work.build(
            {
                "units": work.widths[hp.Choice("units", list(range(len(work.widths))))],
                "learning_rate": hp.Float("learning_rate", *RATES, sampling="log"),
                "dropout": hp.Float("dropout", *DROPOUTS),
                "l2": hp.Float("l2", *PENALTIES, sampling="log"),
            }
        )

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.Hyperband(
            build, "val_accuracy", max_epochs=epochs, factor=3, seed=seed, directory=folder
        )
        tuner.search(x, y, batch_size=work.batch_size, validation_data=valid, verbose=0)
        (best,) = tuner.get_best_models(1)
        trials = tuner.oracle.trials
        told(
            work.accuracy(best),
            validation=float(tuner.oracle.get_best_trials(1)[0].score),
            trials=len(trials),
        )


if __name__ == "__main__":
    main()
