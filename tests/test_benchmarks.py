"""The benchmarks count, compare and tell what they should; no test measures."""

import dataclasses
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer

import kohort
from benchmarks import first, live, machine, page, run, samples, scale, thousand
from benchmarks.gpu import visible
from benchmarks.growth import Point, middle, slope
from benchmarks.launch import INTERPRETERS, launch
from benchmarks.peers import PEERS
from benchmarks.peers.keras_models import build
from benchmarks.profiled import OPTIMIZER, PRODUCTS, READING, REST, groups
from benchmarks.summary import Row, ceilings_of, epoch_seconds, summary
from benchmarks.work import (
    WORKS,
    Ceilings,
    Net,
    Phase,
    Work,
    layers,
    least_seconds,
    named,
    parameters,
    phases,
)

ROOT = Path(__file__).parents[1]
CEILINGS = Ceilings({"float32": 1e9, "bfloat16": 2e9}, {1000: 1e9, 1_000_000: 1e8})


@pytest.mark.long
def test_a_study_is_scaled_without_training_it():
    found = scale.measure(40, 4, "final", "")
    assert found.files == found.members == 40
    assert found.database_bytes > 0
    assert {"plan", "run", "list", "show", "open", "table"} <= found.seconds.keys()
    winners = scale.measure(40, 4, "winners", "")
    assert 10 <= winners.files < 40
    grows = scale.exponents([found, replace(found, peak_bytes=4 * found.peak_bytes)], [10, 20])
    assert grows["peak bytes"] == pytest.approx(2)
    assert grows["run"] == pytest.approx(0)


def test_a_first_fit_is_of_partial_batches_too_and_ratios_are_of_one_round():
    x, y = first.data_of(first.MODELS["tiny"]())
    assert (x.shape, x.dtype, y.max()) == ((first.SAMPLES, 8), np.float32, 2)
    assert all(round(first.SAMPLES * part) % first.BATCH for part in (0.2, 0.8))
    runs = [{"wall": 2.0}, {"wall": 9.0}, {"wall": 4.0}]
    assert first.spread(runs, [{"wall": 1.0}, {"wall": 3.0}, {"wall": 8.0}], "wall") == [0.5, 2, 3]


@pytest.mark.long
def test_a_first_fit_is_measured_with_what_jax_does_in_it():
    told = first.measure("tiny", first.Peer.COLD)
    assert told["wall"] > 0 < told["processor"]
    assert told["phases"]["backend_compile, calls"] >= 1


@pytest.mark.long
def test_python_is_timed_between_the_programs_of_epochs():
    told = thousand.measure(thousand.Part.CALLBACKS, 3)
    assert told["milliseconds"] > 0
    assert thousand.measure(thousand.Part.CONFIGURATIONS, 3).keys() == {
        "plan",
        "plan, of a core",
    }


@pytest.mark.long
def test_clients_of_the_live_page_are_all_told_the_last_epoch():
    told = live.clients_figures(0.5)
    assert told["clients"] == live.CLIENTS
    assert 0 < told["updates heard a second, fewest"] <= told["updates heard a second, most"]
    assert told["seconds until all had the last epoch"] > 0


def record(peer, round_, seconds, **more):
    return {
        "work": "200",
        "peer": peer,
        "precision": "float32",
        "round": round_,
        "imports": 1.0,
        "first": 5.0,
        "epochs": [seconds, seconds],
        "models": 1,
        "all_models": True,
        "accuracy": {"200": 0.9},
        "peak_bytes": 1,
        "versions": {},
        "total": 10.0 * seconds,
    } | more


def test_a_softmax_costs_what_its_formula_says():
    parts = {part.name: part for part in phases(Net())}
    assert set(parts) == {"gather", "forward", "weight gradient", "optimizer"}
    assert parts["forward"].operations == 2 * 256 * 784 * 10
    assert parts["gather"].moved == 4 * 256 * 784
    assert parts["optimizer"].moved == 7 * 4 * 7850


@pytest.mark.parametrize("name", ["softmax", "400-200", "convolutional"])
def test_parameters_are_those_of_the_keras_model(name):
    net = WORKS[name].variants[name]
    assert parameters(net) == build(net).count_params()


def test_only_the_first_layer_has_no_input_gradient():
    names = [part.name for part in phases(Net((400, 200)))]
    assert names.count("forward") == names.count("weight gradient") == 3
    assert names.count("input gradient") == 2


def test_a_convolution_is_a_product_for_each_place():
    first, second, dense = layers(Net(filters=(8, 16)))
    assert (first.rows, first.inner, first.columns) == (26 * 26, 9, 8)
    assert (second.rows, second.inner, second.columns) == (11 * 11, 72, 16)
    assert dense.inner == 5 * 5 * 16


def test_members_side_by_side_share_the_gather():
    one, many = (phases(Net(), members) for members in (1, 16))
    assert one[0] == many[0]
    assert many[1].operations == 16 * one[1].operations
    assert many[1].moved < 16 * one[1].moved


def test_a_phase_takes_its_operations_or_its_bytes():
    bound = dataclasses.replace(CEILINGS, copies={1: 1e30})
    steps, forward = 704, 2 * 256 * 784 * 10
    operations = steps * (2 * forward + 12 * 7850) + 20_000 / 256 * forward
    assert least_seconds(WORKS["softmax"], "float32", bound, 200_000) == pytest.approx(
        operations / 1e9
    )


def test_the_limit_of_a_study_is_the_mean_of_its_variants():
    nets = {"a": Net(), "b": Net((200,))}
    whole, *each = (
        least_seconds(Work(variants, 5, is_study=True), "float32", CEILINGS, 2000)
        for variants in (nets, *({name: net} for name, net in nets.items()))
    )
    assert whole == pytest.approx(np.mean(each))
    # Its data are pixels, of a byte.
    alone = least_seconds(Work({"a": Net()}), "float32", CEILINGS, 2000)
    assert alone - each[0] == pytest.approx(8 * 3 * 256 * 784 / 1e8)


def test_work_is_found_by_its_layers_and_members():
    assert named("400-200-x16") == Work({"400-200": Net((400, 200))}, 16)
    assert named("softmax-x4") == WORKS["softmax-x4"]


@pytest.mark.parametrize("name", ["0", "400-", "softmax-x0", "net"])
def test_work_of_no_such_name_is_refused(name):
    with pytest.raises(ValueError, match="expected one of softmax"):
        named(name)


def test_ratios_are_of_the_same_round_and_have_their_spread():
    records = [record("kohort", 1, 1.0), record("torch", 1, 2.0)]
    records += [record("kohort", 2, 4.0), record("torch", 2, 4.0)]
    _, torch = summary(records, CEILINGS, 2000, 3)
    assert dataclasses.astuple(torch.ratios["kohort"]) == (1.5, 1.0, 2.0)
    assert torch.epoch == 3.0


def test_the_first_round_which_finds_nothing_compiled_stands_apart():
    records = [record("kohort", 1, 1.0, compiling=3.0), record("kohort", 2, 2.0, compiling=0.5)]
    records += [record("torch", 1, 4.0), record("torch", 2, 3.0), record("torch", 3, 3.0)]
    ours, torch = summary(records, CEILINGS, 2000, 3)
    assert (ours.cold, ours.total, ours.compiling) == (10.0, 20.0, 3.0)
    assert (torch.cold, torch.total, torch.compiling) == (40.0, 30.0, None)
    assert dataclasses.astuple(torch.colds["kohort"]) == (4.0, 4.0, 4.0)
    assert dataclasses.astuple(torch.totals["kohort"]) == (1.5, 1.5, 1.5)


def test_a_phase_moves_its_bytes_as_fast_as_the_copy_that_is_no_larger():
    phase = Phase("optimizer", 0, moved=1e9, resident=0)
    for resident, seconds in ((10, 1), (999_999, 1), (1_000_000, 10), (float("inf"), 10)):
        assert CEILINGS.seconds(phase._replace(resident=resident), "float32") == seconds


def test_what_can_run_first_takes_turns(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "launch", lambda *_: {})
    monkeypatch.setattr(run, "train", lambda name, *_: {"peer": name, "total": 1.0})
    records, _ = run.measure(["softmax"], ["kohort", "torch", "sklearn"], tmp_path, 3, 2, 60)
    first = [next(r["peer"] for r in records if r["round"] == number) for number in (1, 2, 3)]
    assert first == ["kohort", "torch", "sklearn"]
    assert len(records) == 9


def test_a_page_tells_the_versions_of_each_environment():
    rows = [
        Row("200", "kohort", versions={"python": "3.13"}),
        Row("200", "torch", versions={"python": "3.11", "torch": "2"}),
        Row("400", "kohort", versions={"python": "3.13"}),
    ]
    settings = {"samples": 2000, "epochs": 3, "rounds": 1}
    about = {**machine.about(), "settings": settings, "ceilings": dataclasses.asdict(CEILINGS)}
    told = page.markdown("some", about, rows)
    assert "- kohort: python 3.13\n- torch: python 3.11, torch 2\n" in told


def test_a_study_counts_as_a_whole():
    whole = record("kohort", 1, 1.0, work="study", models=40, total=160.0)
    assert epoch_seconds(whole, 2) == 2.0


def test_a_loop_that_trained_fewer_has_no_total():
    row, *_ = summary([record("torch", 1, 1.0, all_models=False)], CEILINGS, 2000, 3)
    assert row.total is None


def test_a_peer_without_its_environment_is_in_the_table(monkeypatch, tmp_path):
    monkeypatch.setitem(INTERPRETERS, "peers", str(tmp_path / "python"))
    missing = run.train("torch", PEERS["torch"], "200", tmp_path, 2, 60)
    rows = summary([record("kohort", 1, 1.0), {"round": 1, **missing}], CEILINGS, 2000, 3)
    assert "| 200 | torch | no environment (make peers) |" in page.table(rows)
    assert "kohort" in page.svg(rows)


def test_a_program_that_fails_says_why():
    told = launch([sys.executable, "-c", "raise SystemExit('no such thing')"], {})
    assert told == {"failed": "no such thing"}


def test_ceilings_are_the_best_of_all_rounds():
    slow, fast = (
        {"operations": {"float32": f}, "copies": {"8": n}} for f, n in ((1.0, 9.0), (3.0, 4.0))
    )
    best = ceilings_of([slow, {"failed": "it was killed"}, fast])
    assert (best.operations["float32"], best.copies[8]) == (3.0, 9.0)


@pytest.mark.parametrize("given", ["torch,kears", "everything"])
def test_a_peer_of_no_such_name_is_refused(given):
    with pytest.raises(typer.BadParameter, match="expected quick, all or kohort"):
        run.peers_of(given)


def test_every_peer_has_a_program():
    for peer in PEERS.values():
        assert (ROOT / "benchmarks" / "peers" / f"{peer.module}.py").exists()


@pytest.mark.long
def test_samples_come_out_alike_and_as_letters_do(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        samples.write(tmp_path / name, 300)
    one, other = (np.load(tmp_path / name / "x.npy") for name in ("one", "other"))
    pixels = np.load(tmp_path / "one" / "pixels.npy")
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one, kohort.load("letters").inputs(pixels).reshape(300, 784))
    assert set(np.load(tmp_path / "one" / "y.npy")) == set(range(10))


PROGRAM = """
%fused (p: f32[4,8]) -> f32[4,8] {
  %p = f32[4,8]{1,0} parameter(0)
  ROOT %g = f32[4,8]{1,0} gather(%p, %p), offset_dims={1}
}

%inner (p: f32[4,8]) -> f32[8,10] {
  %q = f32[4,8]{1,0} parameter(0)
  ROOT %d = f32[8,10]{1,0} dot(%q, %q), lhs_contracting_dims={0}
}

ENTRY %main (a: f32[4,8]) -> f32[8,10] {
  %a = f32[4,8]{1,0} parameter(0)
  %read = f32[4,8]{1,0} fusion(%a), kind=kLoop, calls=%fused
  %multiplied = f32[8,10]{1,0} fusion(%a), kind=kCustom, calls=%inner
  %update = (f32[8,10]{1,0}, f32[8,10]{1,0}) fusion(%multiplied), kind=kLoop, calls=%other
  %loop = (f32[8,10]{1,0}) while(%update), condition=%c, body=%b
  ROOT %small = f32[10]{0} add(%a, %a)
}
"""


def test_instructions_are_told_apart_by_what_they_do():
    found = groups(PROGRAM, {80})
    assert (found["read"], found["multiplied"]) == (READING, PRODUCTS)
    assert (found["update"], found["small"]) == (OPTIMIZER, REST)
    assert "loop" not in found


def test_growth_in_proportion_has_an_exponent_of_one():
    points = [Point("members", n, 3.0 * n, 100 + 7 * n, 0.0, 0.0) for n in (1, 2, 4, 8)]
    fitted = slope("members", [points])
    assert (fitted.exponent, fitted.lowest, fitted.highest) == pytest.approx((1, 1, 1))
    assert fitted.bytes_each == pytest.approx(7)


def test_growth_is_the_middle_of_its_rounds():
    rounds = [
        [Point("samples", n, float(n) ** power, 10 * power * n, power, 2.0) for n in (1, 2, 4)]
        for power in (3, 1, 2)
    ]
    fitted = slope("samples", rounds)
    assert (fitted.lowest, fitted.exponent, fitted.highest) == pytest.approx((1, 2, 3))
    assert fitted.bytes_each == pytest.approx(20)
    assert middle(rounds) == [Point("samples", n, n**2, 20 * n, 2, 2.0) for n in (1, 2, 4)]


def test_memory_is_that_of_the_process_and_not_of_who_started_it():
    held = np.ones(300_000_000, np.uint8)
    command = "from benchmarks.peers.common import peak_bytes; print(peak_bytes())"
    told = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert 10_000_000 < int(told.stdout) < held.nbytes


@pytest.mark.parametrize(("seen", "first"), [(None, "0"), ("2,3", "2")])
def test_a_benchmark_on_one_gpu_sees_the_first(monkeypatch, seen, first):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if seen:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    with visible(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == first
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == seen
