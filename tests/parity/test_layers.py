"""Every kind of Keras layer that works on arrays, trained both ways."""

import keras
import pytest
from keras import layers, regularizers

from tests.marks import long
from tests.parity.zoo import VALIDATE, WHOLE, assert_parity, cases, draws


def build_stack(own_layers, shape, dtype="float32"):
    """The layers and a head, by plain gradient descent, which hides no error of a gradient."""
    model = keras.Sequential(
        [keras.Input(shape, dtype=dtype), *own_layers(), layers.Flatten(), layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), "mse")
    return model


VECTORS = {
    "Dense_EinsumDense": lambda: [
        layers.Dense(6, "tanh", use_bias=False),
        layers.Reshape((2, 3)),
        layers.EinsumDense("abc,cd->abd", output_shape=(2, 4), bias_axes="d"),
    ],
    "BatchNormalization": lambda: [layers.Dense(4), layers.BatchNormalization(momentum=0.8)],
    "LayerNormalization": lambda: [
        layers.LayerNormalization(),
        layers.Dense(4),
        layers.RMSNormalization(),
        layers.Dense(4),
        layers.UnitNormalization(),
    ],
    "SpectralNormalization": lambda: [layers.SpectralNormalization(layers.Dense(4))],
    "Dropout": lambda: [layers.Dense(8, "relu"), layers.Dropout(0.4)],
    "noise": lambda: [
        layers.GaussianNoise(0.3),
        layers.Dense(8, "selu"),
        layers.AlphaDropout(0.2),
        layers.GaussianDropout(0.2),
    ],
    "activity_penalties": lambda: [
        layers.Dense(4, "relu", activity_regularizer=regularizers.L2(0.02)),
        layers.ActivityRegularization(l1=0.01, l2=0.02),
    ],
    "weight_penalties": lambda: [
        layers.Dense(
            4,
            kernel_regularizer=regularizers.OrthogonalRegularizer(0.1),
            bias_regularizer=regularizers.L1(0.05),
        ),
    ],
    "constraints": lambda: [
        layers.Dense(6, kernel_constraint=keras.constraints.MaxNorm(0.5)),
        layers.Dense(4, kernel_constraint=keras.constraints.NonNeg()),
        layers.Dense(4, kernel_constraint=keras.constraints.UnitNorm()),
    ],
    "frozen": lambda: [
        layers.Dense(4, trainable=False),
        layers.BatchNormalization(trainable=False),
        layers.Dense(3, "relu"),
    ],
    "activations": lambda: [
        layers.Dense(4),
        layers.PReLU(),
        layers.Dense(4, "gelu"),
        layers.LeakyReLU(),
        layers.Lambda(keras.ops.square),
        layers.Dense(4, "swish"),
    ],
}


@pytest.mark.parametrize(
    "own_layers",
    cases(
        VECTORS, quick=["Dense_EinsumDense", "BatchNormalization", "LayerNormalization", "Dropout"]
    ),
)
def test_vectors(own_layers):
    assert_parity(
        lambda: build_stack(own_layers, (6,)), draws(6), draws(1, seed=1), batch_size=WHOLE
    )


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "BatchNormalization",
        "Dropout",
        *long("SpectralNormalization"),
    ],
)
def test_layers_that_are_others_in_validation(name):
    own_layers = VECTORS[name]
    assert_parity(
        lambda: build_stack(own_layers, (6,)),
        draws(6),
        draws(1, seed=1),
        validation_split=VALIDATE,
    )


def test_a_last_batch_of_one_sample():
    own_layers, x, y = VECTORS["BatchNormalization"], draws(6)[:41], draws(1, seed=1)[:41]
    assert_parity(lambda: build_stack(own_layers, (6,)), x, y)


SERIES = {
    "Conv1D_causal_dilated_groups": lambda: [
        layers.Conv1D(4, 2, padding="causal", dilation_rate=2),
        layers.Conv1D(4, 3, groups=2, activation="relu"),
    ],
    "Conv1DTranspose": lambda: [layers.Conv1DTranspose(2, 3, strides=2, padding="same")],
    "SeparableConv1D_DepthwiseConv1D": lambda: [
        layers.SeparableConv1D(3, 3),
        layers.DepthwiseConv1D(3, padding="same", depth_multiplier=2),
    ],
    "pooling": lambda: [layers.Conv1D(3, 2), layers.MaxPooling1D(2), layers.GlobalMaxPooling1D()],
    "SpatialDropout1D": lambda: [layers.Conv1D(4, 2), layers.SpatialDropout1D(0.4)],
    "TimeDistributed": lambda: [
        layers.TimeDistributed(layers.Dense(3, "relu")),
        layers.AveragePooling1D(2),
    ],
    "reshaping": lambda: [
        layers.ZeroPadding1D(1),
        layers.Permute((2, 1)),
        layers.Cropping1D(1),
        layers.UpSampling1D(2),
        layers.Conv1D(2, 2),
    ],
}


@pytest.mark.long
@pytest.mark.parametrize(
    "own_layers",
    cases(SERIES, quick=["Conv1D_causal_dilated_groups", "TimeDistributed", "pooling"]),
)
def test_series(own_layers):
    assert_parity(
        lambda: build_stack(own_layers, (6, 4)),
        draws(6, 4),
        draws(1, seed=1),
        batch_size=WHOLE,
    )


IMAGES = {
    "Conv2D_same_strides_dilated": lambda: [
        layers.Conv2D(3, 3, strides=2, padding="same"),
        layers.Conv2D(3, 2, dilation_rate=2, activation="relu"),
    ],
    "Conv2D_groups": lambda: [layers.Conv2D(4, 2, groups=2)],
    "Conv2DTranspose_UpSampling2D": lambda: [
        layers.Conv2DTranspose(2, 3, strides=2),
        layers.UpSampling2D(2, interpolation="bilinear"),
    ],
    "SeparableConv2D_DepthwiseConv2D": lambda: [
        layers.SeparableConv2D(3, 2, padding="same"),
        layers.DepthwiseConv2D(3, strides=2, padding="same"),
    ],
    "pooling": lambda: [
        layers.Conv2D(3, 2),
        layers.MaxPooling2D(2, strides=1),
        layers.AveragePooling2D(2, padding="same"),
        layers.GlobalAveragePooling2D(),
    ],
    "GroupNormalization_SpatialDropout2D": lambda: [
        layers.Conv2D(4, 2),
        layers.GroupNormalization(2),
        layers.SpatialDropout2D(0.3),
    ],
    "BatchNormalization": lambda: [
        layers.Conv2D(3, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(),
    ],
    "SpectralNormalization": lambda: [layers.SpectralNormalization(layers.Conv2D(3, 2))],
}


@pytest.mark.long
@pytest.mark.parametrize(
    "own_layers",
    cases(
        IMAGES,
        quick=["Conv2D_same_strides_dilated", "Conv2D_groups", "BatchNormalization", "pooling"],
    ),
)
def test_images(own_layers):
    assert_parity(
        lambda: build_stack(own_layers, (5, 5, 2)),
        draws(5, 5, 2),
        draws(1, seed=1),
        batch_size=WHOLE,
    )


VOLUMES = {
    "Conv3D_MaxPooling3D": lambda: [
        layers.Conv3D(2, 2, strides=2, padding="same"),
        layers.MaxPooling3D(2),
    ],
    "Conv3DTranspose_AveragePooling3D": lambda: [
        layers.Conv3DTranspose(2, 2),
        layers.AveragePooling3D(2),
    ],
}


@pytest.mark.parametrize("own_layers", cases(VOLUMES, quick=["Conv3D_MaxPooling3D"]))
def test_volumes(own_layers):
    assert_parity(
        lambda: build_stack(own_layers, (4, 4, 4, 1)),
        draws(4, 4, 4, 1),
        draws(1, seed=1),
        batch_size=WHOLE,
    )
