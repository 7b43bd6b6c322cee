"""Whose code an error comes from: the study's, or nobody's that brought a study."""

import keras
import pytest

import kohort
from kohort.findings import diagnosis
from kohort.tracing.user_code import reporting_user_code
from tests.models import build_mlp


@pytest.mark.long
def test_an_error_of_kohorts_own_stays_as_it_is(blobs, monkeypatch):
    monkeypatch.setattr(diagnosis, "RULES", None)
    study = kohort.Study(
        "broken", [kohort.Variant("plain", build_mlp)], blobs,
        replicates=kohort.Holdout(0.2, 2), epochs=1,
    )  # fmt: skip
    result = study.run(verbose=0)
    # As a decorator, so that no line of this test lies between.
    findings = reporting_user_code()(kohort.Result.findings)
    with pytest.raises(TypeError, match="NoneType"):
        findings(result)


def test_an_error_of_the_studys_code_is_told_with_its_place():
    def callback():
        raise ValueError("no such rate")

    told = r"ValueError: no such rate from .*callback, test_user_code.py line"
    with pytest.raises(kohort.DesignError, match=told), reporting_user_code():
        callback()


def test_a_metric_that_a_callback_does_not_find_is_told_how_to_spell():
    """Keras asks for a mode, as it cannot tell one of a metric that the model does not have."""
    model = build_mlp()
    stopping = keras.callbacks.EarlyStopping(monitor="val_acc")
    stopping.set_model(model)
    told = "monitor=val_acc.* from the callback EarlyStopping; spell monitor= as the metric is comp"
    with pytest.raises(kohort.DesignError, match=told), reporting_user_code():
        stopping._set_monitor_op()
