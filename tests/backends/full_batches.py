"""A study whose numbers are the same on every backend of Keras, but for rounding.

Weights come from NumPy, a batch is all samples (backends draw other orders), and nothing random is
in the models. `python full_batches.py FOLDER` runs it and leaves what it measured in FOLDER.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from jax._src import xla_bridge
from PIL import Image

import kohort
from kohort.cli.prediction import predict_files


def data():
    """240 pictures of 4 by 4 grey pixels, in three classes, noisy enough to be mistaken."""
    random = np.random.default_rng(3)
    labels = np.arange(240) % 3
    pixels = random.integers(0, 160, (240, 4, 4)).astype(np.uint8)
    pixels[np.arange(240), labels, labels] += 60
    return kohort.Dataset(
        pixels[:180], labels[:180], pixels[180:], labels[180:], class_names="ABC", name="stripes"
    )


def build(input_shape, l2=0.0):
    """State that training moves (normalisation), a penalty, momentum, a schedule."""
    penalty = keras.regularizers.L2(l2) if l2 else None
    model = keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(8, "tanh", kernel_regularizer=penalty),
            keras.layers.BatchNormalization(momentum=0.8),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    for variable in model.trainable_variables:
        variable.assign(np.random.normal(0, 0.5, variable.shape).astype(np.float32))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 2, 0.9)
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def study():
    """Two variants in three replicates, the second with early stopping at work."""
    dataset = data()
    return kohort.Study(
        "full batches",
        kohort.grid(build, l2=[0.0, 0.05], input_shape=dataset.input_shape),
        dataset,
        replicates=kohort.Holdout(0.2, 3),
        epochs=12,
        batch_size=1000,
        callbacks=keras.callbacks.EarlyStopping("val_loss", patience=2),
    )


def measure(folder):
    """Run the study by `keras.Model.fit`, and write curves, weights, report, winner, answers."""
    small = study()
    result = small.run(engine="keras", verbose=0)
    result.curves().to_csv(folder / "curves.csv", index=False)
    for (variant, replicate), member in result.members.items():
        np.savez(folder / f"{variant}-{replicate}.npz", *member.weights)
    result.report(folder / "report.html")
    best = result.best()
    pixels = small.data.x_test
    np.save(folder / "scores.npy", best.model().predict(small.data.inputs(pixels), verbose=0))
    np.save(folder / "deployed.npy", best.deployable().predict(pixels, verbose=0))
    picture = folder / "picture.png"
    Image.fromarray(pixels[0]).save(picture)
    (answer,) = predict_files(best.save(folder / "winner.keras"), [picture]).answers
    told = {
        "plan": str(small.plan()),
        "best": best.variant.name,
        "epochs": [member.epoch for member in result.members.values()],
        "tests": [held.accuracy.mean for held in result.test()],
        "answer": answer,
        "jax_started": xla_bridge.backends_are_initialized(),
        "environment": result.settings.environment,
    }
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
