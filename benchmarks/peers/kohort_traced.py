"""kohort, with the second epoch traced by JAX's profiler: for `benchmarks.profiled`."""

import json
import os
import time
from pathlib import Path
from typing import Any

import kohort  # before keras: it chooses Keras's JAX backend

import jax  # isort: skip
import keras  # isort: skip

from benchmarks.peers.common import Data, fitting, parser
from benchmarks.peers.keras_models import build
from benchmarks.work import named


class Trace(keras.callbacks.Callback):
    """Traces the second epoch into a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.seconds = folder, 0.0
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Begin the trace."""
        if epoch == 1:
            jax.profiler.start_trace(self.folder)
            self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """End it."""
        if epoch == 1:
            self.seconds = time.perf_counter() - self._began
            jax.profiler.stop_trace()


def main() -> None:
    """Train two epochs on one core, where the seconds of instructions add up."""
    arguments = parser(__doc__)
    arguments.add_argument("--trace", type=Path, required=True, help="folder of the trace")
    options = arguments.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    work, trace = named(options.work), Trace(options.trace)
    models = [
        build(net, options.precision) for net in work.variants.values() for _ in range(work.members)
    ]
    kohort.fit(
        models,
        **fitting(Data(options.data), epochs=2),
        # One block of members: the second epoch of all is one.
        chunk_size=len(models),
        callbacks=lambda number: [] if number else [trace],
    )
    print(json.dumps({"epoch": trace.seconds}))


if __name__ == "__main__":
    main()
