"""A model of the breadth, by `kohort.fit`, or by Keras's `fit` on the backend of KERAS_BACKEND.

Keras's own `CSVLogger` tells when epochs end: a callback of one's own may read and change weights,
so kohort would write them to the model after each epoch, and be timed doing that.
"""

import importlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np

from benchmarks.models import BREADTH
from benchmarks.peers.common import Clock, count_compiling, measured, timed
from benchmarks.tasks import TASKS, VALIDATION


@contextmanager
def marking(clock: Clock) -> Iterator[Path]:
    """The path of a pipe for `CSVLogger`s: the clock marks an epoch when a line of it comes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "epochs.csv")
        os.mkfifo(path)
        end = "end\n"
        keeps_open = os.open(path, os.O_RDWR)  # Loggers come and go.

        def read() -> None:
            with path.open() as lines:
                for line in iter(lines.readline, end):
                    epoch = line.partition(",")[0]
                    if epoch.isdecimal():  # else it is the header of a logger
                        clock.mark(int(epoch))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield path
        finally:
            os.write(keeps_open, end.encode())
            reader.join()
            os.close(keeps_open)


def main() -> None:
    """Train, and tell."""
    arguments = timed(__doc__)
    arguments.add_argument("--task", choices=TASKS, required=True)
    arguments.add_argument("--kohort", type=int, metavar="MEMBERS", help="so many by kohort.fit")
    options = arguments.parse_args()
    backend = keras.backend.backend()
    libraries = [backend, *(["kohort"] if options.kohort else [])]
    modules = {name: importlib.import_module(name) for name in libraries}
    clock = Clock(options.started)
    clock.imported()
    if backend == "jax":
        count_compiling(clock, importlib.import_module("jax.monitoring"))
    task = TASKS[options.task]
    x, y = task.data()
    fitting = {
        "x": x if len(x) > 1 else x[0],
        "y": y,
        "batch_size": task.batch,
        "epochs": options.epochs,
        "validation_split": VALIDATION,
        "verbose": 0,
    }
    models, began = [], time.process_time()
    with modules["kohort"].building() if options.kohort else nullcontext():
        for seed in range(options.kohort or 1):
            keras.utils.set_random_seed(seed)
            models.append(BREADTH[options.task]())
    clock.seconds["building"] = time.process_time() - began
    with marking(clock) as path:
        if options.kohort:
            histories = modules["kohort"].fit(
                models,
                **fitting,
                callbacks=lambda _: [keras.callbacks.CSVLogger(path)],
                engine="fused",
            )
        else:
            histories = [models[0].fit(**fitting, callbacks=[keras.callbacks.CSVLogger(path)])]
    loss = float(np.mean([history.history["val_loss"][-1] for history in histories]))
    versions = {"keras": keras.__version__, backend: modules[backend].__version__}
    if options.kohort:
        versions["kohort"] = version("kohort")
    line = measured(clock, len(models), **versions)
    print(json.dumps(line | {"loss": loss}), flush=True)


if __name__ == "__main__":
    main()
