"""What preprocessing layers have learned is traced to the rows that they learned from."""

import itertools

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kohort
from kohort.design.building import BuiltModels
from kohort.design.spec import StudySpec
from kohort.findings.rules.leaks.learned_outside import source
from kohort.runs.new_models import LearnedFrom
from tests.runs.test_training_part import classifier, run, table


def normal(rows, columns, random):
    return random.normal(size=(rows, columns))


def scaled(rows, columns, random):
    return random.normal(size=(rows, columns)) * 10.0 ** np.linspace(-6, 6, columns)


def far_off(rows, columns, random):
    """Means a thousand times their spread."""
    return 1000 + random.normal(size=(rows, columns))


def heavy(rows, columns, random):
    return random.standard_t(2, size=(rows, columns))


def binary(rows, columns, random):
    return random.random((rows, columns)) < np.linspace(0.1, 0.9, columns)


def whole(rows, columns, random):
    return random.integers(0, 5, (rows, columns))


def half_constant(rows, columns, random):
    x = random.normal(size=(rows, columns))
    x[:, (columns + 1) // 2 :] = 3.25
    return x


def standardised(rows, columns, random):
    x = random.normal(size=(rows, columns))
    return (x - x.mean(axis=0)) / x.std(axis=0)


TABLES = (normal, scaled, far_off, heavy, binary, whole, half_constant, standardised)


def images(rows, columns, random):
    return random.integers(0, 256, (rows, 6, 6, columns), dtype=np.uint8)


def dataset(make, rows, columns, seed):
    random = np.random.default_rng(seed)
    x = np.asarray(make(rows + rows // 5, columns, random))
    x = x if x.dtype == np.uint8 else x.astype(np.float32)
    y = random.integers(0, 2, len(x))
    return kohort.Dataset(x[:rows], y[:rows], x[rows:], y[rows:])


def traced(data, layer, before=(), replicates=None):
    """From which rows a layer of a first replicate's model learned.

    The layer is made once, outside of the build function.
    """

    def build():
        return classifier([*(make() for make in before), layer], 2, data.input_shape)

    splits = replicates or kohort.Holdout(0.2, 2)
    spec = StudySpec("s", (kohort.Variant("v", build),), data, splits, 1, batch_size=8)
    models = BuiltModels(spec, 0)
    model = models.look_at(0, spec.replicate(0, 1.0))
    (found,) = LearnedFrom(spec, models).layers(0, model)
    return found


def adapted(rows, axis=-1):
    layer = keras.layers.Normalization(axis=axis)
    layer.adapt(rows)
    return layer


def sets_of(data, replicates=None):
    """The training part of the first replicate, all training rows, and all rows, as inputs."""
    part = (replicates or kohort.Holdout(0.2, 2)).replicates(data, 0)[0].train
    inputs, tests = data.inputs(data.x_train), data.inputs(data.x_test)
    return {"part": inputs[part], "train": inputs, "all": np.concatenate([inputs, tests])}


WAYS = {
    "array": lambda rows: rows,
    "float64": lambda rows: rows.astype(np.float64),
    "tensor": jnp.asarray,
}

SOURCES = [("part", "array"), *itertools.product(["train"], WAYS), ("all", "tensor")]
CASES = [
    *itertools.product(TABLES, (50, 5000), (1, 6), (-1,)),
    *itertools.product((normal, far_off, whole, half_constant), (50, 5000), (6,), (None,)),
    *itertools.product((images,), (60,), (1, 3), (-1, None, (1, 2, 3))),
]


@pytest.mark.parametrize(("make", "rows", "columns", "axis"), CASES)
def test_neither_misses_nor_raises_false_alarms(make, rows, columns, axis):
    data = dataset(make, rows, columns, seed=rows + columns)
    # Means a thousand times their spread, added up in float32, may be of no rows any more; and all
    # numbers of a layer are two where it has one column or adds up all.
    unclear = ("unknown", "silent") if make is far_off or (make, columns) == (binary, 1) else ()
    for name, way in SOURCES:
        layer = traced(data, adapted(WAYS[way](sets_of(data)[name]), axis))
        assert source(layer) in (name, *unclear), layer


@pytest.mark.parametrize("replicates", [kohort.KFold(4), kohort.Holdout(0.3, 2, stratify=True)])
def test_of_any_split(replicates):
    data = dataset(normal, 100, 3, seed=1)
    for name, rows in sets_of(data, replicates).items():
        assert source(traced(data, adapted(rows), replicates=replicates)) == name


def test_constants_of_all_rows_are_told_from_those_that_people_write():
    data = dataset(whole, 200, 6, seed=0)
    rows = sets_of(data)
    for name, ddof in itertools.product(("part", "train", "all"), (0, 1)):
        x = rows[name]
        given = keras.layers.Normalization(mean=x.mean(axis=0), variance=x.var(axis=0, ddof=ddof))
        found = traced(data, given)
        assert (source(found), found.given) == (name, True)
    for mean, variance in ((127.5, 127.5**2), (2.0, 2.0)):
        written = keras.layers.Normalization(mean=mean, variance=variance)
        assert source(traced(data, written)) in ("silent", "unknown")


def test_a_constant_that_all_rows_have_by_design_is_no_leak():
    """Of as many zeros as ones, the mean is a half in all rows and not in the training part."""
    x = np.tile(np.float32([[0, 1], [1, 0]]), (50, 1))
    data, splits = kohort.Dataset(x, np.arange(100) % 2), kohort.Holdout(0.25, 2)
    for layer in (
        keras.layers.Normalization(mean=0.5, variance=0.25),
        keras.layers.Normalization(mean=[0.5, 0.5], variance=[0.25, 0.25]),
    ):
        assert source(traced(data, layer, replicates=splits)) == "silent"
    assert source(traced(data, adapted(x), replicates=splits)) == "train"


def test_columns_that_do_not_vary_tell_nothing():
    data = kohort.Dataset(np.full((40, 3), 7.5, np.float32), np.arange(40) % 2)
    for rows in (data.x_train, data.x_train[:30]):
        assert source(traced(data, adapted(rows))) == "silent"


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16"])
def test_layers_of_half_precision(policy):
    data = dataset(scaled, 200, 5, seed=2)
    for name, rows in sets_of(data).items():
        layer = keras.layers.Normalization(dtype=policy)
        layer.adapt(rows)
        # Rounded to eight bits, numbers of different rows are the same: no leak is claimed then.
        others = () if policy == "mixed_bfloat16" or name == "part" else ("part", "unknown")
        assert source(traced(data, layer)) in (name, *others)


def test_other_rows_are_of_neither():
    data = dataset(normal, 200, 5, seed=2)
    other = np.random.default_rng(9).normal(size=(200, 5)).astype(np.float32)
    for rows in (data.x_train[:100], other, data.x_test):
        assert source(traced(data, adapted(rows))) == "unknown"


def test_a_layer_that_was_not_adapted_has_learned_nothing():
    data = dataset(normal, 50, 5, seed=2)
    with pytest.raises(ValueError, match="not enough values to unpack"):
        traced(data, keras.layers.Normalization())


def test_it_is_seen_through_the_layers_before_it():
    data = dataset(normal, 100, 4, seed=3)
    rows = sets_of(data)
    for name in rows:
        halved = adapted(rows[name] / 2 + 1)
        assert source(traced(data, halved, [lambda: keras.layers.Rescaling(0.5, 1.0)])) == name


def test_a_part_of_the_columns():
    data = dataset(scaled, 100, 4, seed=3)
    for name, rows in sets_of(data).items():
        layer = adapted(rows[:, :2])

        def build(layer=layer):
            inputs = keras.Input((4,))
            left = keras.layers.Dense(2, "softmax")(layer(inputs[:, :2]))
            model = keras.Model(inputs, left)
            model.compile("sgd", "sparse_categorical_crossentropy")
            return model

        spec = StudySpec("s", (kohort.Variant("v", build),), data, kohort.Holdout(0.2, 1), 1)
        models = BuiltModels(spec, 0)
        (found,) = LearnedFrom(spec, models).layers(0, build())
        assert source(found) == name


class Subclassed(keras.Model):
    """A model without a graph."""

    def __init__(self, layer):
        super().__init__()
        self.first, self.last = layer, keras.layers.Dense(2, "softmax")

    def call(self, x):
        return self.last(self.first(x))


def test_models_in_models_and_models_without_a_graph():
    data = dataset(normal, 100, 4, seed=3)
    for name, rows in sets_of(data).items():
        inner = keras.Sequential([keras.Input((4,)), adapted(rows)])
        assert source(traced(data, inner)) == name
        model = Subclassed(adapted(rows))
        model.compile("sgd", "sparse_categorical_crossentropy")
        model(data.x_train[:1])
        spec = StudySpec("s", (kohort.Variant("v", lambda: None),), data, kohort.Holdout(0.2, 1), 1)
        (found,) = LearnedFrom(spec, BuiltModels(spec, 0)).layers(0, model)
        assert source(found) == name


def test_boundaries_that_were_learned():
    data = dataset(normal, 300, 2, seed=4)
    for name, rows in sets_of(data).items():
        layer = keras.layers.Discretization(num_bins=8)
        layer.update_state(rows)  # as `adapt` does, which asks for TensorFlow
        layer.finalize_state()
        assert source(traced(data, layer, replicates=None)) == name


def test_what_cannot_be_compared_stops_no_study():
    class Own(keras.layers.Normalization):
        def get_config(self):
            raise NotImplementedError

    data = dataset(normal, 50, 3, seed=5)
    layer = Own()
    layer.adapt(data.x_train)
    assert source(traced(data, layer)) == "silent"


def leaking(data):
    def build(units):
        return classifier([adapted(data.x_train)], units)

    return build


@pytest.mark.long
def test_a_study_tells_of_a_leak_and_keeps_it(tmp_path):
    data = table()

    def sound(data, units):
        return classifier([adapted(data.x)], units)

    for build, verdict in ((leaking(data), "found"), (sound, "not found")):
        study = kohort.Study(
            *(verdict, kohort.grid(build, units=[2, 4]), data),
            replicates=kohort.Holdout(0.2, 2),
            epochs=1,
        )
        result = run(study, tmp_path / "kept.db")
        for each in (result, kohort.open(tmp_path / "kept.db", verdict)):
            (finding,) = (f for f in each.findings() if f.code == "KH206")
            assert finding.verdict == verdict
            assert "units=2 and units=4" in finding.sentence
    page = result.report(tmp_path / "report.html")
    assert "KH206" in page.read_text("utf-8")
