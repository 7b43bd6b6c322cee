"""The benchmark of many kinds of models compares what it should; no test measures."""

import json
import re
import statistics

import numpy as np
import pytest
import typer

from benchmarks import breadth, models
from benchmarks.launch import INTERPRETERS, RESULTS, ROOT, chosen, launch_peer
from benchmarks.peers import BREADTH
from benchmarks.tasks import TASKS

BUILT = (
    *("U-Net", "residual", "convolutions"),
    *("tabular transformer", "bidirectional LSTM", "tiny table"),
)
"""The models of which docs/engine.md tells how long it takes to build them."""


def record(peer, round_, seconds, **more):
    told = {"peer": peer, "round": round_, "total": seconds, "processor": seconds}
    told |= {"epochs": [seconds, 9.0, seconds], "processor epochs": [seconds]}
    return told | {"building": seconds / 4} | more


RECORDS = [
    record("kohort", 1, 2.0),
    record("kohort", 2, 4.0),
    record("kohort", 3, 1.0),
    record("kohort-x8", 1, 0.5),
    record("keras-jax", 1, 4.0),
    record("keras-jax", 2, 12.0),
    record("keras-jax", 3, 1.0),
    record("torch", 1, 1.0),
    {"peer": "torch", "round": 2, "failed": "it broke"},
    record("torch", 3, 2.0),
    {"peer": "keras-torch", "round": 1, "failed": "no environment (make peers)"},
]


def test_ratios_are_of_one_round_and_of_those_who_trained_in_it():
    assert breadth.ratios(RECORDS, "total", "keras-jax") == [2.0, 3.0, 1.0]
    assert breadth.ratios(RECORDS, "epochs", "torch") == [0.5, 2.0]
    assert breadth.ratios(RECORDS, "epochs", "torch", "kohort-x8") == [2.0]
    assert breadth.best(RECORDS, "total") == ("torch", [0.5, 2.0])
    assert breadth.best(RECORDS[:4], "total") == ("", [])


def test_a_table_shows_who_is_behind_and_who_did_not_run():
    found = {"mixer": {"records": RECORDS}}
    *_, cold = breadth.table(found, "total").strip().splitlines()
    assert cold == (
        "| mixer | 2 | 2.00 (1.00 to 3.00) | none | none | 1.25 (0.50 to 2.00) | 1.25 torch |"
    )
    *_, warm = breadth.table(found, "epochs").strip().splitlines()
    assert warm.endswith("| 1.25 torch | 0.5 | 2.00 |")
    *_, short = breadth.at_a_glance(found).strip().splitlines()
    assert short == "| mixer | 2.00 | none | none | 1.25 | 2.00 | 1.25 torch |"
    cells = {"imports": 1.0, "first": 8.0, "compiling": 4.0}
    alone = {"mixer": {"records": [record("kohort", 1, 2.0, **cells), RECORDS[4], RECORDS[8]]}}
    assert breadth.parts(alone).endswith("| mixer | 1.0 | 8.0 | 4.0 | 13.0 |\n")
    assert breadth.building(found).endswith("| mixer | 1 | 0.5 |\n")
    told = breadth.failures(found)
    assert "- torch, mixer: it broke" in told
    assert "- keras-torch, mixer: no environment (make peers)" in told


def test_the_documentation_shows_what_was_measured():
    found = json.loads((RESULTS / "breadth.json").read_text("utf-8"))
    told = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert list(found) == list(TASKS)
    for kind in ("total", "epochs"):
        assert breadth.table(found, kind) in told
    assert breadth.at_a_glance(found) in (ROOT / "README.md").read_text("utf-8")
    engine = (ROOT / "docs" / "engine.md").read_text("utf-8")
    assert breadth.building({name: found[name] for name in BUILT}) in engine
    assert breadth.page(found) == (RESULTS / "breadth.md").read_text("utf-8")


def test_data_have_the_shape_of_what_is_learned():
    words, numbers = TASKS["table"].data()[0]
    assert (words.dtype, numbers.dtype) == (np.int32, np.float32)
    assert words.max() < TASKS["table"].inputs[0].words
    assert set(np.unique(TASKS["siamese"].data()[1])) == {0.0, 1.0}
    x, y = TASKS["dense autoencoder"].data()
    assert y is x[0]
    assert TASKS["U-Net"].data()[1].shape == (TASKS["U-Net"].samples, 32, 32)
    np.testing.assert_array_equal(TASKS["mixer"].data()[1], TASKS["mixer"].data()[1])


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in TASKS if name != "variational autoencoder"])
def test_models_take_and_say_what_their_data_are(name):
    model, (x, y) = models.BREADTH[name](), TASKS[name].data()
    assert [given.shape[1:] for given in model.inputs] == [part.shape[1:] for part in x]
    said = model.outputs[0].shape[1:]
    assert model.loss == TASKS[name].loss
    assert (said[:-1] if TASKS[name].classes > 1 else said) == y.shape[1:]


def test_a_peer_without_its_environment_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(INTERPRETERS, "peers", str(tmp_path / "python"))
    told = launch_peer(BREADTH["torch"], (), tmp_path)
    assert told == {"failed": "no environment (make peers)"}


def test_an_unknown_name_is_refused():
    assert chosen("all", ["a", "b"]) == ("a", "b")
    assert chosen("b", ["a", "b"]) == ("b",)
    assert chosen("few", ["a", "b"], {"few": ("a",)}) == ("a",)
    with pytest.raises(typer.BadParameter, match="expected all or a, b; got 'c'"):
        chosen("a,c", ["a", "b"])


@pytest.mark.long
def test_kohort_and_keras_measure_in_processes_of_their_own(tmp_path):
    for name, members in (("kohort", 1), ("keras-jax", 1), ("kohort-x8", 8)):
        told = launch_peer(
            BREADTH[name], ("--task", "tiny table", "--epochs", "3"), tmp_path / name
        )
        assert told["models"] == members, told
        assert len(told["epochs"]) == len(told["processor epochs"]) == 2
        assert told["processor"] > 0
        assert 0.5 < told["loss"] < 1.0


def test_the_documentation_tells_what_was_measured_of_tiny_tables():
    found = json.loads((RESULTS / "tiny.json").read_text("utf-8"))
    (told,) = re.findall(
        r"Of the tiny table, .*?\n\n", (ROOT / "docs" / "benchmarks.md").read_text("utf-8"), re.S
    )
    medians = [f"{statistics.median(ratios):.1f}" for ratios in found["ratios"].values()]
    assert [number for number in re.findall(r"\d+\.\d", told) if number in medians] == medians
    for seconds in found["seconds"]:
        best = min(seconds["keras-jax"], seconds["torch"])
        assert best / seconds["kohort-x16"] in found["ratios"]["kohort-x16"]


def test_epochs_whose_marks_come_in_bursts_are_told_by_their_mean():
    bursts = [0.0001, 0.0001, 0.0001, 0.0037]
    assert breadth.seconds({"epochs": bursts}, "epochs") == pytest.approx(0.001)
    assert breadth.seconds({"epochs": [second * 10 for second in bursts]}, "epochs") == 0.001
