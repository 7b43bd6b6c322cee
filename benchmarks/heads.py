"""Compiles a model for what it says: labels, one label, or numbers."""

import keras


def classifier(model: keras.Model) -> keras.Model:
    """Compiled for labels, as whole numbers."""
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def yes_or_no(model: keras.Model) -> keras.Model:
    """Compiled for one label that is 0 or 1."""
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def regressor(model: keras.Model) -> keras.Model:
    """Compiled for numbers."""
    model.compile("adam", "mse")
    return model
