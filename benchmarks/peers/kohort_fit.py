"""kohort itself, as its users call it: `kohort.fit`, or `Study(...).run()` and its report."""

import argparse
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import kohort  # before keras: it chooses Keras's JAX backend

import jax  # isort: skip
import keras  # isort: skip

from benchmarks.peers.common import Clock, Data, count_compiling, fitting, parser, tell
from benchmarks.peers.keras_models import Marks, build
from benchmarks.work import BATCH, SIDE, VALIDATION, Work, named


def fit(work: Work, options: argparse.Namespace, clock: Clock) -> dict[str, list[float]]:
    """Train all models by one call; the accuracies reached, by variant."""
    models = []
    for net in work.variants.values():
        for seed in range(work.members):
            keras.utils.set_random_seed(seed)
            models.append(build(net, options.precision))
    histories = kohort.fit(
        models,
        **fitting(Data(options.data), options.epochs),
        callbacks=lambda _: [Marks(clock)],
    )
    reached = [history.history["val_accuracy"][-1] for history in histories]
    return {
        name: reached[number * work.members : (number + 1) * work.members]
        for number, name in enumerate(work.variants)
    }


def run_study(work: Work, options: argparse.Namespace, clock: Clock) -> dict[str, list[float]]:
    """Run the study and write its report; the accuracies of the last epoch, by variant."""
    data = Data(options.data)
    dataset = kohort.Dataset(data.pixels, data.y, data.test_pixels, data.test_y, name="benchmark")
    variants = [
        kohort.Variant(name, build, net=net, precision=options.precision, shape=(SIDE, SIDE))
        for name, net in work.variants.items()
    ]
    study = kohort.Study(
        "benchmark",
        variants,
        dataset,
        replicates=kohort.Holdout(VALIDATION, repeats=work.members),
        epochs=options.epochs,
        batch_size=BATCH,
    )
    with tempfile.TemporaryDirectory() as folder:
        result = study.run(Path(folder) / "kohort.db" if options.store else None, verbose=0)
        started = time.perf_counter()
        result.report(Path(folder) / "report.html")
    clock.seconds["report"] = time.perf_counter() - started
    curves = result.curves()
    last = curves[(curves.metric == "val_accuracy") & (curves.epoch == curves.epoch.max())]
    return {name: list(last[last.variant == name].value) for name in work.variants}


def main() -> None:
    """Train, and tell."""
    arguments = parser(__doc__)
    arguments.add_argument("--store", action="store_true", help="keep the study while it trains")
    options = arguments.parse_args()
    clock = Clock(options.started)
    clock.imported()
    count_compiling(clock, jax.monitoring)
    work = named(options.work)
    reached = (run_study if work.is_study else fit)(work, options, clock)
    versions = {
        "kohort": version("kohort"),
        "keras": keras.__version__,
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
    }
    tell(clock, work, work.models, reached, **versions)


if __name__ == "__main__":
    main()
