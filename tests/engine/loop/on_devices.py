"""What is trained on one device and on eight, to be compared: `python -m ... FOLDER`.

The process goes on with the study in one.db, which a process of one device has left, and writes
arrays, eight.db (a study that it leaves), and told.json.
"""

import json
import re
import sys
from pathlib import Path

import jax
import keras
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

import kohort
from kohort.engine.feed import segments
from kohort.engine.feed.resident import ResidentData
from kohort.engine.loop.scheduler import Scheduler
from kohort.engine.program.compilation import recorded_compilations
from tests.faults.studies import Death, calling, numbers, run, study
from tests.models import numbers as numbers_of
from tests.models import seeded

COLLECTIVE = re.compile(r"all-(?:reduce|gather|to-all)|reduce-scatter|collective|channel_id")


def data():
    """Points of three classes in five dimensions, the same in each process."""
    random = np.random.default_rng(7)
    y = random.integers(0, 3, 600)
    x = random.normal(size=(600, 5)) + 1.2 * np.eye(3, 5)[y]
    return kohort.Dataset(x[:500], y[:500], x[500:], y[500:], name="blobs", class_names="abc")


def callbacks(number):
    """Some members leave after an epoch more than the first, and NaN ends any."""
    ends = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e3)
    return [keras.callbacks.TerminateOnNaN(), *([ends] if number in {0, 1, 6, 10} else [])]


def trained(copies=1, **options):
    """Every number of eleven members, one of which meets NaN, and their curves.

    The samples are there so often, and as many copies of each feature.
    """
    models = [
        seeded(
            seed,
            units=(16,),
            dropout=0.2,
            learning_rate=1e30 if seed == 3 else 0.01,
            features=5 * copies,
        )
        for seed in range(11)
    ]
    points = data()
    x, y = np.tile(points.x_train, (copies, copies)), np.tile(points.y_train, copies)
    given = {"epochs": 4, "batch_size": 50, "validation_split": 0.2, "verbose": 0} | options
    told = kohort.fit(models, x, y, **given)
    arrays = {}
    for number, (model, history) in enumerate(zip(models, told, strict=True)):
        arrays |= {f"{number} {place}": array for place, array in enumerate(numbers_of(model))}
        arrays |= {f"{number} {name}": np.array(v) for name, v in history.history.items()}
    return arrays


CASES = {
    "chunks": {"chunk_size": 2, "callbacks": callbacks},
    "chosen": {"epochs": 60},
    "too large": {"chunk_size": 6, "memory": 120_000},
    "streamed": {"chunk_size": 6, "memory": "200KB", "copies": 4, "epochs": 2},
}


def twelve(struck):
    """A study of twelve members of one program, and what a callback does at the thirtieth call."""
    return study(
        data(), units=(8,), replicates=kohort.Holdout(0.2, 12), epochs=4,
        callbacks=[calling(struck, 30)],
    )  # fmt: skip


def ended(store=None, struck=int):
    """The result of the study, two members side by side."""
    return run(twelve(struck), store, chunk_size=2)


def die():
    """Stands for SIGKILL."""
    raise Death


def left(store):
    """Begin the study in a store, and leave it."""
    try:
        ended(store, die)
    except Death:
        return
    raise AssertionError("nothing has ended it")


def digest(result):
    """Every bit of a study."""
    return repr(numbers(result))


def summed():
    """A program that sums over all devices."""
    mesh = Mesh(np.array(jax.local_devices()), ("device",))
    spread = jax.shard_map(
        lambda x: jax.lax.psum(x, "device"), mesh=mesh, in_specs=P("device"), out_specs=P()
    )
    return jax.jit(spread).lower(np.ones(len(jax.local_devices()))).compile()


def main(folder):
    used, sweeps, held = [], [], []
    epoch, ahead, on = Scheduler.epoch, segments._ahead, ResidentData.on

    def spied(self):
        for event in epoch(self):
            used.append(getattr(event, "devices", 0))
            yield event

    def placed(self, place):
        copy = on(self, place)
        held.extend(leaf.devices() == {place} for leaf in jax.tree.leaves((copy.train, copy.valid)))
        return copy

    Scheduler.epoch, ResidentData.on = spied, placed
    segments._ahead = lambda rows: sweeps.append(None) or ahead(rows)
    told = {"devices": len(jax.local_devices()), "used": {}, "sweeps": {}}
    with recorded_compilations() as programs:
        for name, options in CASES.items():
            used.clear(), sweeps.clear()
            np.savez(folder / f"{name}.npz", **trained(**options))
            told["used"][name], told["sweeps"][name] = max(used), len(sweeps)
    told["held"] = len(held), all(held)
    texts = [program.run.as_text() for program in programs]
    told["programs"], told["collective"] = len(texts), COLLECTIVE.findall("".join(texts))
    told["known collective"] = COLLECTIVE.findall(summed().as_text())
    result = ended(folder / "one.db")
    told["resumed"], told["facts"] = digest(result), dict(result.record.settings.facts())
    left(folder / "eight.db")
    told["plan"] = str(twelve(int).plan())
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
