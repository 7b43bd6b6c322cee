"""The file of a deployable model: its ending says what Keras writes."""

import keras
import numpy as np
import pytest

from kohort import Dataset, DesignError
from kohort.report.exports.deployable import about_of, save_deployable


@pytest.fixture
def saved(tmp_path):
    """Saves a small model under a name."""
    x, y = np.zeros((6, 2), np.float32), np.arange(6) % 2
    data = Dataset(x, y, x, y, class_names="XY")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
    return lambda name: save_deployable(model, "probabilities", data, tmp_path / name)


@pytest.mark.parametrize("name", ["winner", "winner.pt", "winner.keras.zip"])
def test_another_ending_is_refused_in_one_line(saved, tmp_path, name):
    with pytest.raises(DesignError, match=r'ends in ".keras" \(or ".h5"') as caught:
        saved(name)
    assert f"""got '{name}'; write "{name}.keras\"""" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["winner.keras", "winner.h5"])
def test_the_endings_that_are_named_are_loaded_again(saved, name):
    path = saved(name)
    assert keras.saving.load_model(path).output_shape == (None, 2)
    assert about_of(path).names == ["X", "Y"]
