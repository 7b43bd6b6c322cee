"""A study of any table, of classes or of numbers: how large a net, and whether dropout helps.

kohort run examples/table.py --data patients.csv --target outcome
"""

import keras
import numpy as np

import kohort


def build(data, outputs, units=(), dropout=0.0):
    """A net of dense layers on scaled columns.

    Args:
        data: The training part of a replicate: scaling is learned from it alone.
        outputs: The number of classes; 0 where the target is a number.
        units: The width of each hidden layer.
        dropout: The part of each hidden layer's units that a step leaves out.
    """
    # A rare category may have no row in this part: as adapt() has it, its column would be divided
    # by next to nothing where one comes up.
    variance = data.x.var(axis=0)
    scaled = keras.layers.Normalization(
        mean=data.x.mean(axis=0), variance=np.where(variance > 0, variance, 1.0)
    )
    hidden = [
        layer
        for width in units
        for layer in (keras.layers.Dense(width, "relu"), keras.layers.Dropout(dropout))
    ]
    if outputs:
        last = [keras.layers.Dense(outputs, "softmax")]
    else:  # numbers as large as the targets, which small steps of learning would not reach
        last = [keras.layers.Dense(1), keras.layers.Rescaling(data.y.std(), data.y.mean())]
    model = keras.Sequential([keras.Input(data.x.shape[1:]), scaled, *hidden, *last])
    loss = "sparse_categorical_crossentropy" if outputs else "mse"
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy" if outputs else "mae"])
    return model


def study(data):
    """What `kohort run` runs: it is given what `--data` names."""
    outputs = len(data.class_names or ())
    return kohort.Study(
        data.name,
        [
            kohort.Variant("linear", build, outputs=outputs),
            kohort.Variant("32", build, outputs=outputs, units=(32,)),
            kohort.Variant("64-32", build, outputs=outputs, units=(64, 32)),
            kohort.Variant("64-32 dropout", build, outputs=outputs, units=(64, 32), dropout=0.3),
        ],
        data,
        replicates=kohort.Holdout(0.2, repeats=5),
        epochs=60,
        batch_size=32,
    )
