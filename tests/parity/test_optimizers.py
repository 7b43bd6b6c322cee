"""Every Keras optimizer, its options, and schedules of the learning rate, trained both ways."""

import keras
import pytest
from keras import layers, optimizers
from keras.optimizers import schedules

from tests.parity.zoo import WHOLE, assert_parity, cases, draws


def assert_optimizer(optimizer):
    def build():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3, "tanh", name="only")])
        model.compile(optimizer(), "mse")
        return model

    assert_parity(build, draws(6), draws(3, seed=1), batch_size=WHOLE)


def exclude_biases(optimizer):
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


OPTIMIZERS = {
    "SGD_clipnorm": lambda: optimizers.SGD(0.1, momentum=0.9, clipnorm=0.5),
    "SGD_clipvalue": lambda: optimizers.SGD(0.1, momentum=0.8, nesterov=True, clipvalue=0.1),
    "SGD_global_clipnorm": lambda: optimizers.SGD(0.1, weight_decay=0.02, global_clipnorm=0.3),
    "Adam_amsgrad": lambda: optimizers.Adam(0.02, amsgrad=True, beta_1=0.8),
    "Adam_ema": lambda: optimizers.Adam(
        0.02, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=2
    ),
    "Adam_ema_at_the_end": lambda: optimizers.Adam(0.02, use_ema=True, ema_momentum=0.7),
    "AdamW": lambda: exclude_biases(optimizers.AdamW(0.02, weight_decay=0.1)),
    "Adamax": lambda: optimizers.Adamax(0.02),
    "Nadam": lambda: optimizers.Nadam(0.02),
    "RMSprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "Adagrad": lambda: optimizers.Adagrad(0.1),
    "Adadelta": lambda: optimizers.Adadelta(1.0),
    "Adafactor": lambda: optimizers.Adafactor(0.05),
    "Ftrl": lambda: optimizers.Ftrl(
        0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02, beta=0.1
    ),
    "Lion": lambda: optimizers.Lion(0.01),
    "Lamb": lambda: optimizers.Lamb(0.02),
    "Muon": lambda: optimizers.Muon(0.02),
    "ScheduleFreeAdamW": lambda: optimizers.ScheduleFreeAdamW(0.02, warmup_steps=2),
    "MultiOptimizer": lambda: optimizers.MultiOptimizer(
        optimizers.OptimizerMap(optimizers.Adam(0.02), {"only/bias": optimizers.SGD(0.1)})
    ),
    "LossScaleOptimizer": lambda: optimizers.LossScaleOptimizer(
        optimizers.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=2
    ),
    "accumulation": lambda: optimizers.Adam(0.02, gradient_accumulation_steps=2),
    "accumulation_ema": lambda: optimizers.SGD(
        0.1, gradient_accumulation_steps=4, use_ema=True, weight_decay=0.01
    ),
    "by_name": lambda: "rmsprop",
}
NEWER = {"ScheduleFreeAdamW": "3.14", "MultiOptimizer": "3.15"}
"""Which version of Keras has them first."""


@pytest.mark.parametrize(
    "name",
    cases(
        {name: name for name in OPTIMIZERS},
        quick=[
            "by_name",
            "SGD_clipnorm",
            "RMSprop",
            "AdamW",
            "Adam_amsgrad",
            "Adam_ema",
            "Lion",
            "MultiOptimizer",
            "accumulation",
        ],
    ),
)
def test_optimizers(name):
    if name in NEWER and not hasattr(optimizers, name):
        pytest.skip(f"Keras has {name} from {NEWER[name]} on")
    assert_optimizer(OPTIMIZERS[name])


class SawTooth(schedules.LearningRateSchedule):
    """A schedule of the user's own."""

    def __call__(self, step):
        return 0.1 * keras.ops.cast(step % 4, "float32")

    def get_config(self):
        return {}


SCHEDULES = {
    "ExponentialDecay": lambda: schedules.ExponentialDecay(0.1, 2, 0.5, staircase=True),
    "CosineDecay_warmup": lambda: schedules.CosineDecay(
        0.0, 5, alpha=0.1, warmup_target=0.2, warmup_steps=2
    ),
    "CosineDecayRestarts": lambda: schedules.CosineDecayRestarts(0.1, 2, t_mul=1.5, m_mul=0.8),
    "PiecewiseConstantDecay": lambda: schedules.PiecewiseConstantDecay([2, 4], [0.1, 0.3, 0.01]),
    "PolynomialDecay": lambda: schedules.PolynomialDecay(0.2, 4, 0.01, power=2.0, cycle=True),
    "InverseTimeDecay": lambda: schedules.InverseTimeDecay(0.2, 2, 0.5),
    "own": SawTooth,
    "callable": lambda: lambda: 0.05,
}


@pytest.mark.parametrize(
    "schedule", cases(SCHEDULES, quick=["callable", "own", "CosineDecay_warmup"])
)
def test_schedules(schedule):
    assert_optimizer(lambda: optimizers.SGD(schedule(), momentum=0.5))
