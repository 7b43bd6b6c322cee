"""Small searches, for tests."""

import keras

import kohort

SPACE = {
    "units": [4, 8],
    "rate": kohort.Range(1e-3, 0.3, log=True),
    "dropout": kohort.Range(0.1, 0.5, step=0.1),
}


def build(units=4, rate=0.01, dropout=0.1):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def small(data, **options):
    """A search of some seconds."""
    given = {"trials": 12, "epochs": 4, "batch_size": 50, "reduction": 2}
    build_of, space = options.pop("build", build), options.pop("space", SPACE)
    return kohort.Search("small", build_of, space, data, **given | options)


def without_times(result):
    """All that a search and its proof measured, but for seconds."""
    return (
        result.trials().drop(columns="seconds").to_csv(),
        result.table().drop(columns=["seconds", "seconds_per_epoch"]).to_csv(),
        result.curves().to_csv(),
    )
