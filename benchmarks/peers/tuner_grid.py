"""The peer KerasTuner: its GridSearch over the study's variants, five executions of each."""

import sys
import tempfile
from typing import Any

import keras
import keras_tuner

from benchmarks.peers.common import Clock, Data, fitting, parser, tell
from benchmarks.peers.keras_models import build
from benchmarks.work import named


def main() -> None:
    """Search, and tell; KerasTuner keeps its trials in a folder, as it always does."""
    options = parser(__doc__).parse_args()
    clock = Clock(options.started)
    clock.imported()
    work = named(options.work)

    def hypermodel(choices: Any) -> keras.Model:
        name = choices.Choice("variant", list(work.variants))
        return build(work.variants[name], options.precision)

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.GridSearch(
            hypermodel,
            objective="val_accuracy",
            executions_per_trial=work.members,
            directory=folder,
            seed=0,
        )
        tuner.search(**fitting(Data(options.data), options.epochs))
        trials = tuner.oracle.get_best_trials(len(work.variants))
        # KerasTuner keeps the best epoch of an execution, not the last.
        reached = {trial.hyperparameters.get("variant"): [trial.score] for trial in trials}
    backend = keras.backend.backend()
    versions = {
        "keras_tuner": keras_tuner.__version__,
        "keras": keras.__version__,
        backend: sys.modules[backend].__version__,
    }
    tell(clock, work, work.models, reached, **versions)


if __name__ == "__main__":
    main()
