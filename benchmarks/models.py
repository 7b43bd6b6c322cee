"""The Keras models that `benchmarks.first` and `benchmarks.breadth` train, on any backend.

Sizes are arguments, as tests train small ones.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
from keras import layers, ops

from benchmarks.convolutional_models import frames, image_autoencoder, separable, volumes
from benchmarks.heads import classifier, regressor, yes_or_no
from benchmarks.tasks import CATEGORIES, CATEGORY, NUMBERS, TASKS, WORDS


def dense(features: int, units: Sequence[int], classes: int = 1) -> keras.Model:
    """ReLU layers on numbers."""
    head = layers.Dense(classes, "softmax") if classes > 1 else layers.Dense(1, "sigmoid")
    hidden = [layers.Dense(width, "relu") for width in units]
    model = keras.Sequential([keras.Input((features,)), *hidden, head])
    return classifier(model) if classes > 1 else yes_or_no(model)


def normalised_table() -> keras.Model:
    """A dense net for tables: normalised over batches, with dropout."""
    stack: list[Any] = [keras.Input((20,))]
    for units in (64, 32):
        stack += [layers.Dense(units), layers.BatchNormalization()]
        stack += [layers.ReLU(), layers.Dropout(0.2)]
    model = keras.Sequential([*stack, layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC()])
    return model


def embedded_table(
    numbers: int = NUMBERS, categories: int = CATEGORIES, units: Sequence[int] = (128, 64)
) -> keras.Model:
    """An embedding for each category beside the numbers, then ReLU layers."""
    words, given = keras.Input((categories,), dtype="int32"), keras.Input((numbers,))
    columns = [layers.Embedding(CATEGORY, 8)(words[:, i]) for i in range(categories)]
    x = layers.Concatenate()([*columns, given])
    for width in units:
        x = layers.Dense(width, "relu")(x)
    return yes_or_no(keras.Model([words, given], layers.Dense(1, "sigmoid")(x)))


def dense_autoencoder(
    features: int = 784, units: Sequence[int] = (128, 64, 32, 64, 128)
) -> keras.Model:
    """To few numbers, and back."""
    hidden = [layers.Dense(width, "relu") for width in units]
    return regressor(
        keras.Sequential([keras.Input((features,)), *hidden, layers.Dense(features, "sigmoid")])
    )


def convolutional_autoencoder() -> keras.Model:
    """A convolutional autoencoder of grey images."""
    stack: list[Any] = [keras.Input((28, 28, 1))]
    stack += [layers.Conv2D(f, 3, 2, "same", activation="relu") for f in (16, 8)]
    stack += [layers.Conv2DTranspose(f, 3, 2, "same", activation="relu") for f in (8, 16)]
    return regressor(keras.Sequential([*stack, layers.Conv2D(1, 3, padding="same")]))


def small_convolutions(side: int = 28, filters: Sequence[int] = (32, 64)) -> keras.Model:
    """Keras's own example for MNIST: a pooling after each convolution, and dropout."""
    stack: list[Any] = [keras.Input((side, side, 1))]
    for f in filters:
        stack += [layers.Conv2D(f, 3, activation="relu"), layers.MaxPooling2D()]
    stack += [layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, "softmax")]
    return classifier(keras.Sequential(stack))


def convolutions(side: int = 32, pairs: Sequence[int] = (32, 64), units: int = 128) -> keras.Model:
    """Pairs of convolutions, a pooling and dropout after each pair, and a dense layer."""
    stack: list[Any] = [keras.Input((side, side, 3))]
    for f in pairs:
        stack += [layers.Conv2D(f, 3, padding="same", activation="relu") for _ in range(2)]
        stack += [layers.MaxPooling2D(), layers.Dropout(0.25)]
    stack += [layers.Flatten(), layers.Dense(units, "relu"), layers.Dense(10, "softmax")]
    return classifier(keras.Sequential(stack))


def residual(side: int = 32, filters: Sequence[int] = (16, 32, 64)) -> keras.Model:
    """A residual net of two convolutions for each number of filters, with batch normalisation."""
    inputs = keras.Input((side, side, 3))
    x = layers.Conv2D(filters[0], 3, padding="same", use_bias=False)(inputs)
    for number, f in enumerate(filters):
        strides = 2 if number else 1
        short = layers.Conv2D(f, 1, strides)(x) if number else x
        for step in (strides, 1):
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            x = layers.Conv2D(f, 3, step, "same", use_bias=False)(x)
        x = layers.Add()([x, short])
    x = layers.GlobalAveragePooling2D()(x)
    return classifier(keras.Model(inputs, layers.Dense(10, "softmax")(x)))


def lstm(
    steps: int = 80, words: int = WORDS, width: int = 32, units: int = 64, classes: int = 2
) -> keras.Model:
    """An embedding, and a bidirectional LSTM."""
    return classifier(
        keras.Sequential(
            [
                keras.Input((steps,), dtype="int32"),
                layers.Embedding(words, width),
                layers.Bidirectional(layers.LSTM(units)),
                layers.Dense(classes, "softmax"),
            ]
        )
    )


def attention_block(x: Any, heads: int, width: int, wide: int, dropout: float = 0.1) -> Any:
    """Attention and a dense pair, each added to what it read and normalised."""
    attended = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, attended]))
    passed = layers.Dense(width)(layers.Dense(wide, "relu")(x))
    return layers.LayerNormalization()(layers.Add()([x, passed]))


class Positions(layers.Layer):
    """Adds to each token a vector of its place."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make the vectors."""
        self.places = self.add_weight(shape=input_shape[1:], name="places")

    def call(self, x: Any) -> Any:
        """Add them."""
        return x + self.places


def transformer(
    steps: int = 80,
    words: int = WORDS,
    width: int = 64,
    *,
    wide: int = 128,
    heads: int = 2,
    blocks: int = 1,
    placed: bool = True,
    classes: int = 2,
) -> keras.Model:
    """Blocks of attention over an embedding, with places where they are asked for."""
    inputs = keras.Input((steps,), dtype="int32")
    x = layers.Embedding(words, width)(inputs)
    if placed:
        x = Positions()(x)
    for _ in range(blocks):
        x = attention_block(x, heads, width, wide)
    x = layers.GlobalAveragePooling1D()(x)
    return classifier(keras.Model(inputs, layers.Dense(classes, "softmax")(x)))


def long_series(steps: int = 500, filters: Sequence[int] = (64, 64, 64)) -> keras.Model:
    """Convolutions along a series."""
    stack: list[Any] = [keras.Input((steps, 4))]
    for f in filters:
        stack += [layers.Conv1D(f, 3, padding="same", activation="relu"), layers.MaxPooling1D()]
    stack += [layers.GlobalAveragePooling1D(), layers.Dense(5, "softmax")]
    return classifier(keras.Sequential(stack))


def gru(steps: int = 60, units: int = 64) -> keras.Model:
    """The next number of a series."""
    return regressor(
        keras.Sequential([keras.Input((steps, 8)), layers.GRU(units), layers.Dense(1)])
    )


def forecaster(
    steps: int = 96, filters: int = 32, ahead: int = 24, dilations: Sequence[int] = (1, 2, 4, 8)
) -> keras.Model:
    """Dilated convolutions that look back alone; the last step says the next ones."""
    stack = [
        layers.Conv1D(filters, 3, padding="causal", dilation_rate=dilation, activation="relu")
        for dilation in dilations
    ]
    last = layers.Lambda(lambda x: x[:, -1], output_shape=(filters,))
    return regressor(keras.Sequential([keras.Input((steps, 4)), *stack, last, layers.Dense(ahead)]))


def u_net(side: int = 32, filters: Sequence[int] = (8, 16, 32), classes: int = 3) -> keras.Model:
    """Down and up again, with what was there before beside; a label for each pixel."""

    def pair(x: Any, f: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(f, 3, padding="same", activation="relu")(x)
        return x

    inputs = x = keras.Input((side, side, 1))
    kept = []
    for f in filters[:-1]:
        kept.append(pair(x, f))
        x = layers.MaxPooling2D()(kept[-1])
    x = pair(x, filters[-1])
    for f, before in zip(reversed(filters[:-1]), reversed(kept), strict=True):
        x = layers.Conv2DTranspose(f, 2, 2)(x)
        x = pair(layers.Concatenate()([x, before]), f)
    return classifier(keras.Model(inputs, layers.Conv2D(classes, 1, activation="softmax")(x)))


def mixer(
    side: int = 32, patch: int = 4, width: int = 64, *, tokens: int = 32, wide: int = 128
) -> keras.Model:
    """A block of MLP-Mixer: dense layers over patches, then over their channels."""
    inputs = keras.Input((side, side, 3))
    x = layers.Conv2D(width, patch, patch)(inputs)
    x = layers.Reshape(((side // patch) ** 2, width))(x)
    across = layers.Permute((2, 1))(layers.LayerNormalization()(x))
    across = layers.Dense((side // patch) ** 2)(layers.Dense(tokens, "gelu")(across))
    x = layers.Add()([x, layers.Permute((2, 1))(across)])
    along = layers.Dense(wide, "gelu")(layers.LayerNormalization()(x))
    x = layers.Add()([x, layers.Dense(width)(along)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return classifier(keras.Model(inputs, layers.Dense(10, "softmax")(x)))


def siamese(features: int = 784, units: Sequence[int] = (128, 64)) -> keras.Model:
    """One tower, called on two inputs: whether they are of a kind."""
    tower = keras.Sequential([layers.Dense(width, "relu") for width in units])
    left, right = keras.Input((features,)), keras.Input((features,))
    apart = layers.Subtract()([tower(left), tower(right)])
    distance = layers.Lambda(ops.abs, output_shape=(units[-1],))(apart)
    return yes_or_no(keras.Model([left, right], layers.Dense(1, "sigmoid")(distance)))


class VariationalAutoencoder(keras.Model):
    """A normal distribution for each sample, drawn from, and decoded.

    The loss is its own: `compute_loss` runs on every backend, where a `train_step` is of one.
    """

    def __init__(self, features: int = 784, units: int = 256, width: int = 16) -> None:
        super().__init__()
        self.hidden, self.wide = layers.Dense(units, "relu"), layers.Dense(units, "relu")
        self.normal = layers.Dense(2 * width)
        self.decoded = layers.Dense(features, "sigmoid")
        self.seeds = keras.random.SeedGenerator()

    def call(self, x: Any) -> Any:
        """What was decoded, and the distribution's means and logarithms of variances."""
        mean, log_variance = ops.split(self.normal(self.hidden(x)), 2, axis=-1)
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        decoded = self.decoded(self.wide(mean + noise * ops.exp(0.5 * log_variance)))
        return decoded, mean, log_variance

    def compute_loss(
        self,
        x: Any = None,  # noqa: ARG002
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,  # noqa: ARG002
        training: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> Any:
        """The error of what was decoded, and the divergence from a standard normal."""
        decoded, mean, log_variance = y_pred
        divergence = ops.exp(log_variance) + ops.square(mean) - 1 - log_variance
        return ops.mean(ops.square(y - decoded)) + 0.001 * ops.mean(divergence)


def variational_autoencoder(features: int = 784, units: int = 256, width: int = 16) -> keras.Model:
    """Compiled without a loss, as it has its own."""
    model = VariationalAutoencoder(features, units, width)
    model.compile("adam")
    return model


class Tokens(layers.Layer):
    """A token for each category and each number of a row."""

    def __init__(self, categories: int, numbers: int, width: int) -> None:
        super().__init__()
        self.categories, self.numbers, self.width = categories, numbers, width

    def build(self, _: Any) -> None:
        """Make a table for all categories, and a line for each number."""
        rows = self.categories * CATEGORY
        self.table = self.add_weight(shape=(rows, self.width), name="table")
        self.slope = self.add_weight(shape=(self.numbers, self.width), name="slope")
        self.offset = self.add_weight(shape=(self.numbers, self.width), name="offset")

    def call(self, words: Any, numbers: Any) -> Any:
        """Tokens `[sample, category and number, width]`."""
        rows = words + CATEGORY * ops.arange(self.categories, dtype="int32")
        scaled = numbers[..., None] * self.slope + self.offset
        return ops.concatenate([ops.take(self.table, rows, axis=0), scaled], axis=1)


def tabular_transformer(
    numbers: int = NUMBERS, categories: int = CATEGORIES, width: int = 32, heads: int = 4
) -> keras.Model:
    """A block of attention over the columns of a table."""
    words, given = keras.Input((categories,), dtype="int32"), keras.Input((numbers,))
    x = Tokens(categories, numbers, width)(words, given)
    x = layers.GlobalAveragePooling1D()(attention_block(x, heads, width, 2 * width))
    return yes_or_no(keras.Model([words, given], layers.Dense(1, "sigmoid")(x)))


BREADTH: dict[str, Callable[[], keras.Model]] = {
    "table": embedded_table,
    "tiny table": partial(dense, 16, (16, 16)),
    "dense autoencoder": dense_autoencoder,
    "small convolutions": small_convolutions,
    "convolutions": convolutions,
    "residual": residual,
    "bidirectional LSTM": lstm,
    "transformer": transformer,
    "long series": long_series,
    "GRU": gru,
    "forecaster": forecaster,
    "U-Net": u_net,
    "mixer": mixer,
    "siamese": siamese,
    "variational autoencoder": variational_autoencoder,
    "tabular transformer": tabular_transformer,
    "separable convolutions": separable,
    "image autoencoder": image_autoencoder,
    "volumes": volumes,
    "frames": frames,
}
"""What `benchmarks.breadth` trains, by the names of `benchmarks.tasks`."""
assert BREADTH.keys() == TASKS.keys()
