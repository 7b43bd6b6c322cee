import keras
import numpy as np
import pytest

import kohort
from kohort.design.compatibility import not_taking
from tests.models import build_mlp


def study(data, **changes):
    arguments = {
        "replicates": kohort.Holdout(0.2, 3),
        "epochs": 2,
        "batch_size": 50,
    } | changes
    variants = [
        kohort.Variant("plain", build_mlp),
        kohort.Variant("faster", build_mlp, learning_rate=0.1),
        kohort.Variant("wide", build_mlp, units=(32,)),
        kohort.Variant("dropout", build_mlp, dropout=0.5),
    ]
    return kohort.Study("plan", variants, data, **arguments)


def test_the_plan_says_what_trains_together_and_why_not_more(blobs):
    plan = study(blobs).plan()
    names = [sorted({plan.variant_names[m.variant] for m in cohort}) for cohort in plan.cohorts]
    assert names == [["faster", "plain"], ["wide"], ["dropout"]]
    assert [len(cohort) for cohort in plan.cohorts] == [6, 3, 3]
    assert plan.member_epochs == 24
    text = str(plan)
    assert "12 members; programs to compile, one for each cohort: 3; about" in text
    assert "cohort 1/3: plain, faster: 6 members of 75 parameters" in text
    assert "400 samples in batches of 50" in text
    assert "wide: 3 members of 291 parameters, 2 epochs of 400 samples in batches of 50; " in text
    assert "apart because its layers have other shapes" in text
    assert "apart because its step computes something else" in text


def test_constants_that_differ_share_a_program_and_the_plan_says_so(blobs, count_compilations):
    variants = kohort.grid(build_mlp, l2=[0.1, 0.2], dropout=[0.2, 0.5])
    study = kohort.Study("grid", variants, blobs, replicates=kohort.Holdout(0.2, 2), epochs=2)
    plan = study.plan()
    assert [len(cohort) for cohort in plan.cohorts] == [8]
    assert "4 sets of constants as inputs" in str(plan)
    assert 'cohort 1/1: "l2=0.1, dropout=0.2", "l2=0.1, dropout=0.5", "l2=0.2' in str(plan)
    study.run(verbose=0)
    assert len(count_compilations) == 1


def test_of_many_variants_the_progress_names_three_and_the_plan_all(blobs):
    rates = [0.1, 0.2, 0.3, 0.4, 0.5]
    splits = kohort.Holdout(0.2, repeats=2)
    some, all_five = (
        kohort.Study("grid", kohort.grid(build_mlp, l2=l2), blobs, replicates=splits, epochs=1)
        for l2 in (rates[:4], rates)
    )
    plan = all_five.plan()
    assert plan.label(plan.cohorts[0]) == "cohort 1/1: l2=0.1, l2=0.2, l2=0.3 and 2 others"
    assert "cohort 1/1: l2=0.1, l2=0.2, l2=0.3, l2=0.4, l2=0.5: 10 members" in str(plan)
    four = some.plan()
    assert four.label(four.cohorts[0]) == "cohort 1/1: l2=0.1, l2=0.2, l2=0.3, l2=0.4"


def test_other_epochs_and_other_sizes_are_other_cohorts(blobs):
    epochs = {"plain": 2, "faster": 3, "wide": 2, "dropout": 2}
    assert "another number of epochs" in str(study(blobs, epochs=epochs).plan())
    folds = study(blobs, replicates=kohort.KFold(3)).plan()
    assert "other numbers of samples" in str(folds)
    assert len(folds.cohorts) == 6


@pytest.mark.long
def test_the_plan_is_exact(blobs, count_compilations):
    small = study(blobs)
    small.run(verbose=0)
    assert len(count_compilations) == len(small.plan().cohorts)


def test_memory_counts_state_and_data(blobs):
    plan = study(blobs).plan()
    member = plan.cohorts[1][0]
    # Weights, two Adam slots for each, and a few counters.
    assert 3 * 4 * 291 < member.state_bytes < 3 * 4 * 291 + 60
    assert plan.data_bytes == blobs.x_train.nbytes + blobs.y_train.nbytes
    assert plan.peak_bytes > plan.data_bytes + 3 * member.state_bytes


class StepsOfTensorFlow(keras.Model):
    def __init__(self):
        super().__init__()
        self.outputs_of = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.outputs_of(inputs)

    def train_step(self, data):
        raise AssertionError


def test_a_step_that_is_not_written_for_jax_is_told_how_to_be(blobs):
    def build():
        model = StepsOfTensorFlow()
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    study = kohort.Study(
        "wrong", [kohort.Variant("own", build)], blobs, replicates=kohort.Holdout(0.2, 2), epochs=1
    )
    with pytest.raises(kohort.DesignError, match=r"train_step\(state, data\) on JAX, and takes"):
        study.plan()


def test_on_other_backends_a_step_takes_the_data_alone(blobs, monkeypatch):
    model = StepsOfTensorFlow()
    model.compile("adam", "sparse_categorical_crossentropy")
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    assert "on JAX" not in str(not_taking("own", model, blobs, TypeError("another")))


def test_models_that_do_not_take_the_data_are_named(blobs):
    wrong = kohort.Study(
        "wrong",
        [kohort.Variant("narrow", build_mlp, features=4)],
        blobs,
        replicates=kohort.Holdout(0.2, 2),
        epochs=1,
    )
    with pytest.raises(kohort.DesignError, match=r"variant 'narrow' to take inputs \(5,\)"):
        wrong.plan()


class Penalised(keras.layers.Layer):
    def call(self, x):
        self.add_loss(keras.ops.mean(x**2))
        return x


def build_without_loss(units, layer="Activation"):
    middle = Penalised() if layer == "Penalised" else keras.layers.Dense(4, kernel_regularizer="l2")
    model = keras.Sequential([keras.Input((5,)), middle, keras.layers.Dense(units)])
    model.compile("adam", loss=None, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("run", [kohort.Study.plan, lambda study: study.run(verbose=0)])
def test_models_without_a_loss_are_refused(blobs, run):
    study = kohort.Study(
        "none", kohort.grid(build_without_loss, units=[3, 4]), blobs,
        replicates=kohort.Holdout(0.2, 2), epochs=1,
    )  # fmt: skip
    with pytest.raises(
        kohort.errors.DesignError, match=r"units=3' to have a loss.*loss=None"
    ) as one:
        run(study)
    assert "\n" not in str(one.value)


def test_a_loss_that_a_layer_adds_is_one(blobs):
    variants = kohort.grid(build_without_loss, units=[3], layer=["Penalised"])
    study = kohort.Study("add", variants, blobs, replicates=kohort.Holdout(0.2, 2), epochs=1)
    assert len(study.plan().every_member) == 2


class Autoencoder(keras.Sequential):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean((x - y_pred) ** 2)


def build_autoencoder():
    model = Autoencoder([keras.Input((5,)), keras.layers.Dense(5)])
    model.compile("adam", loss=None)
    return model


def test_a_loss_that_a_model_computes_itself_is_one(blobs):
    variants = [kohort.Variant("own", build_autoencoder)]
    study = kohort.Study("own", variants, blobs, replicates=kohort.Holdout(0.2, 2), epochs=1)
    assert len(study.plan().every_member) == 2


@pytest.mark.long
def test_fewer_samples_than_a_batch(blobs):
    few = kohort.Dataset(blobs.x_train[:20], blobs.y_train[:20], blobs.x_test, blobs.y_test)
    result = study(few, batch_size=256).run(verbose=0)
    assert np.isfinite(result.curves()["value"]).all()


class Scaled(keras.layers.Layer):
    """Multiplies by a number that its configuration does not tell."""

    def __init__(self):
        super().__init__()
        self.factor = float(np.random.uniform(1, 2))

    def call(self, x):
        return x * self.factor


def drawn(what):
    """A model of which the seed decides more than the numbers in its variables."""

    def some(name):
        return float(np.random.uniform(0.1, 0.9)) if what == name else 0.5

    normalization, elu = keras.layers.Normalization(), keras.layers.ELU()
    normalization.adapt(np.random.normal(size=(20, 5)) if what == "a mean" else np.eye(5))
    elu.alpha = some("an attribute set later")
    layers = [normalization, elu, keras.layers.Dropout(some("a rate")), keras.layers.Dense(1)]
    if what == "a constant in code of one's own":
        layers.append(Scaled())
    model = keras.Sequential([keras.Input((5,)), *layers])
    dense = model.layers[3]
    dense.bias.regularizer = keras.regularizers.L2(some("a penalty set on a variable"))
    optimizer = keras.optimizers.AdamW(weight_decay=0.1)
    if what == "what decays":
        optimizer.exclude_from_weight_decay(var_names=[["bias", "kernel"][np.random.randint(2)]])
    dense.bias.trainable = some("what is trained") > 0.4
    model.compile(optimizer, keras.losses.Huber(delta=some("a constant of the loss")))
    return model


@pytest.mark.long
@pytest.mark.parametrize(
    ("what", "kinds"),
    [
        ("nothing", 1),
        ("a rate", 4),
        ("a mean", 4),
        ("an attribute set later", 4),
        ("a constant of the loss", 4),
        ("a constant in code of one's own", 4),
        ("a penalty set on a variable", 4),
        ("what decays", 2),
        ("what is trained", 2),
    ],
)
def test_whatever_the_seed_decides_is_seen_though_no_configuration_tells_it(blobs, what, kinds):
    variants = [kohort.Variant("drawn", drawn, what=what)]
    seeds = kohort.Study("seeds", variants, blobs, replicates=kohort.Holdout(0.2, 4), epochs=1)
    assert len({member.signature for member in seeds.plan().every_member}) == kinds


def test_one_member_is_told_in_the_singular(blobs):
    variants = [kohort.Variant("only", build_mlp)]
    once = kohort.Study("one", variants, blobs, replicates=kohort.Holdout(0.2, 1), epochs=1)
    assert str(once.plan()).startswith("Study 'one': 1 member; programs to compile")
    assert "only: 1 member of 75 parameters, 1 epoch of 400 samples in batches" in str(once.plan())
