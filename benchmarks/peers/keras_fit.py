"""The peer `keras.Model.fit`, one model after another, on the backend that KERAS_BACKEND names."""

import argparse
import sys
from collections.abc import Iterator

import keras
import numpy as np

from benchmarks.peers.common import Clock, Data, count_compiling, fitting, parser, split, tell
from benchmarks.peers.keras_models import Marks, build
from benchmarks.work import BATCH, VALIDATION, Work, named

JIT = {"auto": "auto", "yes": True, "no": False}


def cases(work: Work, data: Data) -> Iterator[tuple[int, dict[str, object]]]:
    """Seeds, and what each trains on in the place of all: in a study, its replicate's split."""
    x, y = data.x, data.y
    for seed in range(work.looped):
        if not work.is_study:
            yield seed, {}
            continue
        train, valid = split(len(x), VALIDATION, seed)
        yield seed, {"x": x[train], "y": y[train], "validation_data": (x[valid], y[valid])}


def train(options: argparse.Namespace, clock: Clock) -> dict[str, list[float]]:
    """Train every model; the accuracies reached, by variant."""
    work = named(options.work)
    compiled = {"jit_compile": JIT[options.jit], "steps_per_execution": options.steps}
    reached: dict[str, list[float]] = {name: [] for name in work.variants}
    data = Data(options.data)
    arguments = fitting(data, options.epochs)
    for seed, of_case in cases(work, data):
        for name, net in work.variants.items():
            keras.utils.set_random_seed(seed)
            model = build(net, options.precision, **compiled)
            if not work.is_study:
                # Built by a batch, Keras on JAX shuffles from this seed as kohort does, so both
                # must come to the same numbers.
                batch = (arguments["x"][:BATCH], arguments["y"][:BATCH])
                model.evaluate(*batch, batch_size=BATCH, verbose=0)
                np.random.seed(0)
            history = model.fit(**(arguments | of_case), callbacks=[Marks(clock)])
            reached[name].append(history.history["val_accuracy"][-1])
    return reached


def main() -> None:
    """Train, and tell."""
    arguments = parser(__doc__)
    arguments.add_argument("--jit", choices=JIT, default="auto")
    arguments.add_argument("--steps", type=int, default=1, help="steps_per_execution")
    options = arguments.parse_args()
    clock = Clock(options.started)
    clock.imported()
    backend = keras.backend.backend()
    if backend == "jax":
        count_compiling(clock, sys.modules["jax"].monitoring)
    reached = train(options, clock)
    versions = {"keras": keras.__version__, backend: sys.modules[backend].__version__}
    tell(clock, named(options.work), sum(map(len, reached.values())), reached, **versions)


if __name__ == "__main__":
    main()
