"""Races train look by look, and end with the same bits however they came there."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import kohort
from kohort.evidence.store import open_store
from kohort.findings.race import replay
from kohort.report.exports.study_export import of_stored
from kohort.report.following.best_so_far import BestSoFar
from kohort.runs import racing, recording
from tests.cli.in_process import kohort as command
from tests.faults.studies import Death
from tests.marks import long
from tests.models import build_mlp
from tests.runs.test_resume import die_at, numbers, trained_epochs

__all__ = ["die_at"]

VARIANTS = {
    "plain": {},
    "slow": {"learning_rate": 1e-4},
    "hot": {"learning_rate": 1e30},
    "wide": {"units": (32,)},
    "dropout": {"dropout": 0.3},
    "more dropout": {"dropout": 0.5},
}
SOME = ["plain", "slow", "hot", "dropout"]
STOPS = [keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True, min_delta=0.02)]


def race(data, names=tuple(VARIANTS), repeats=9, first=3, looks=3, **changes):
    variants = [kohort.Variant(name, build_mlp, **VARIANTS[name]) for name in names]
    splits = changes.pop("splits", kohort.Holdout(0.2, repeats))
    arguments = {
        "replicates": kohort.Race(splits, first=first, looks=looks),
        "epochs": 3,
        "batch_size": 33,
    } | changes
    return kohort.Study("raced", variants, data, **arguments)


def run(study, store=None, **options):
    return study.run(store, verbose=0, **({"checkpoint_seconds": 0.0} | options))


def state_of(result):
    return replay(result._conclusions.study, result.settings.looks)


@pytest.fixture(scope="module")
def whole(blobs):
    """The result of a race that nothing disturbed, without a store."""
    return run(race(blobs))


def test_decided_variants_train_no_more_of_the_replicates(whole):
    state, trained = state_of(whole), whole.record.whole.trained.tolist()
    assert state.ends is not None
    left = {number: look.replicates for number, look in state.left.items()}
    assert left, "some leave"
    last = state.looks[-1].replicates
    assert trained == [left.get(number, last) for number in range(len(VARIANTS))]
    assert trained[2] == 3, "it diverges"
    assert np.isnan(whole.record.whole.values[2, 3:]).all()


def test_of_a_look_those_that_train_in_it_can_lead(blobs, monkeypatch):
    able, real = [], BestSoFar.among

    def among(best, names):
        able.append(set(names))
        real(best, able[-1])

    monkeypatch.setattr(BestSoFar, "among", among)
    state = state_of(run(race(blobs)))
    stood = [{*look.standings, look.leader} for look in state.looks]
    names = list(VARIANTS)
    assert able == [{names[number] for number in numbers} for numbers in stood]
    assert len(able[-1]) < len(names)


@pytest.mark.long
def test_a_member_measures_what_it_would_in_the_fixed_design(blobs, whole):
    fixed = run(race(blobs, replicates=kohort.Holdout(0.2, 9)))
    keys = ["variant", "replicate", "epoch", "metric"]
    both = whole.curves().merge(fixed.curves(), on=keys, suffixes=("", "_fixed"))
    assert len(both) == len(whole.curves())
    np.testing.assert_allclose(both["value"], both["value_fixed"], rtol=2e-3, atol=2e-5)


@pytest.mark.long
def test_a_look_compiles_nothing_that_an_earlier_one_has_compiled(blobs, count_compilations):
    result = run(race(blobs))
    assert len(state_of(result).looks) > 1
    assert len(count_compilations) == len(race(blobs).plan().cohorts) == 3


@pytest.mark.long
@pytest.mark.parametrize("chunk_size", [*long(1, 2), None])
def test_what_is_added_ends_as_if_it_had_been_there(blobs, tmp_path, chunk_size):
    """Variants with other constants, more repeats and other looks."""
    place, callbacks, chunk = tmp_path / "kohort.db", {"callbacks": STOPS}, {}
    if chunk_size is not None:
        chunk["chunk_size"] = chunk_size
    run(race(blobs, ["plain", "dropout"], repeats=5, looks=2, **callbacks), place, **chunk)
    run(race(blobs, SOME, repeats=5, looks=3, **callbacks), place, **chunk)
    run(race(blobs, repeats=7, looks=3, **callbacks), place, **chunk)
    grown = run(race(blobs, repeats=9, looks=4, **callbacks), place, **chunk)
    assert numbers(grown) == numbers(run(race(blobs, repeats=9, looks=4, **callbacks), **chunk))


@pytest.mark.long
def test_longer_training_races_anew_with_the_same_numbers(blobs, tmp_path):
    run(race(blobs, epochs=2), tmp_path / "kohort.db")
    longer = run(race(blobs, epochs=3), tmp_path / "kohort.db")
    assert numbers(longer) == numbers(run(race(blobs, epochs=3)))


@pytest.mark.parametrize("deaths", long(3, 12))
def test_a_race_that_dies_at_any_write_ends_with_the_same_bits(
    blobs, tmp_path, die_at, whole, deaths
):
    wanted, count = numbers(whole), die_at(None)
    assert numbers(run(race(blobs), tmp_path / "whole.db")) == wanted
    step = count["count"] // deaths
    for number in range(1 + step // 2, 1 + step * deaths, step):  # in the middle of each part
        place = tmp_path / f"{number}.db"
        die_at(number, after=bool(number % 2))
        with pytest.raises(Death):
            run(race(blobs), place)
        die_at(None)
        assert numbers(run(race(blobs), place)) == wanted


@pytest.mark.long
def test_a_race_that_is_finished_trains_nothing_again(blobs, tmp_path, monkeypatch, whole):
    run(race(blobs), tmp_path / "kohort.db")
    seen = trained_epochs(monkeypatch)
    assert numbers(run(race(blobs), tmp_path / "kohort.db")) == numbers(whole)
    assert not sum(seen)
    assert numbers(kohort.open(tmp_path / "kohort.db", "raced", blobs)) == numbers(whole)


def wild(data, count, **changes):
    """A race in which all variants after the first one diverge at once; or that one too."""
    rates = [1e-2 if count else 1e30, 1e30, 2e30]
    arguments = {
        "variants": [
            kohort.Variant(f"rate {n}", build_mlp, learning_rate=r) for n, r in enumerate(rates)
        ],
        "replicates": kohort.Race(kohort.Holdout(0.2, 9), first=3, looks=3),
        "epochs": 2,
        "batch_size": 50,
    } | changes
    return kohort.Study("wild", data=data, **arguments)


def test_a_race_in_which_all_others_diverge_ends_at_its_first_look(blobs, tmp_path):
    result = run(wild(blobs, 1), tmp_path / "kohort.db")
    assert result.winner == "rate 0"
    assert result.record.whole.trained.tolist() == [3, 3, 3]
    assert result.race()["verdict"].tolist() == ["leader", "diverged", "diverged"]
    text = " ".join(result.race_text())
    assert "It trained 9 of at most 27 members, 18 of 54 member epochs (33 %)." in text
    assert "rate 1 and rate 2 left, since training diverged" in text
    assert numbers(run(wild(blobs, 1), tmp_path / "kohort.db")) == numbers(result)


def test_a_race_in_which_all_diverge_has_no_winner_and_ends(blobs):
    result = run(wild(blobs, 0))
    assert result.winner is None
    assert result.record.whole.trained.tolist() == [3, 3, 3]
    assert "every variant diverged" in " ".join(result.race_text())
    assert set(result.race()["verdict"]) == {"diverged"}


@pytest.mark.long
def test_what_left_is_told_from_what_is_lost(whole, tmp_path):
    """A variant that left has trained fewer replicates, and none of them is lost."""
    table = whole.table()
    trained = dict(zip(VARIANTS, whole.record.whole.trained.tolist(), strict=True))
    assert table["replicates"][list(VARIANTS)].to_dict() == trained
    assert table["left"][whole.winner] == ""
    assert table["left"]["hot"] == "diverged, look 1"
    assert table.index[0] == whole.winner
    assert whole.race().index[0] == whole.winner
    found = {f.variant: f for f in whole.findings() if f.code == "KH105"}
    assert {name: f.verdict for name, f in found.items()} == {
        name: "found" if name == "hot" else "not found" for name in VARIANTS
    }
    assert found["hot"].sentence == "hot diverged in 3 of 3 replicates."
    html = whole.report(tmp_path / "report.html").read_text("utf-8")
    assert '<h2 id="race">The race</h2>' in html
    assert all(sentence in html for sentence in whole.race_text())
    assert "not because any were lost" in html
    whole.export(tmp_path / "tables", to="csv")
    members = (tmp_path / "tables" / "members.csv").read_text().splitlines()
    assert len(members) == 1 + sum(trained.values()), "what was not trained is no member"
    with pytest.raises(kohort.DesignError, match="whose replicates come in looks, got Holdout"):
        kohort.result.Result(_fixed(whole.record), whole.variants, whole.data, whole.members).race()


def _fixed(record):
    settings = replace(record.settings, looks=(), replicates="Holdout(0.2, 9)")
    return replace(record, settings=settings)


@pytest.mark.long
def test_more_looks_and_repeats_are_told_and_others_refused(blobs, tmp_path, capsys):
    place = tmp_path / "kohort.db"
    run(race(blobs, SOME, repeats=5, looks=2, epochs=1), place)
    race(blobs, SOME, repeats=6, looks=3, epochs=1).run(place)
    told = " ".join(capsys.readouterr().err.split())
    assert "raced goes on with another number of looks: 2 before, 3 now" in told
    assert "raced goes on with another number of repeats: 5 before, 6 now" in told
    assert "Look 1 of 3, after 3 replicates: " in told
    with pytest.raises(kohort.StoreError, match="first of the race: 3 before, 2 now"):
        run(race(blobs, SOME, repeats=6, first=2, epochs=1), place)
    with pytest.raises(kohort.StoreError, match="replicates: in looks before, all now"):
        run(race(blobs, SOME, replicates=kohort.Holdout(0.2, 6), epochs=1), place)
    with pytest.raises(kohort.StoreError, match="repeats of replicates: 6 before, 5 now"):
        run(race(blobs, SOME, repeats=5, epochs=1), place)


@pytest.mark.long
def test_a_margin_of_zero_is_told(blobs):
    result = run(race(blobs, SOME, repeats=4, looks=2, epochs=1, margin=0))
    assert "with a margin of 0 no variant can be found as good" in result.race_text()[-1]
    assert "equivalent" not in set(result.race()["verdict"])


@pytest.mark.long
def test_folds_race_and_keras_trains_a_race_too(blobs, tmp_path):
    splits = kohort.KFold(4, repeats=2)
    folds = run(race(blobs, SOME, splits=splits, first=4, looks=3, epochs=1), tmp_path / "a.db")
    assert state_of(folds).sizes == (4, 6, 8)
    assert folds.settings.kind == "folds"
    one = race(blobs, SOME[:2], repeats=4, looks=2, epochs=1)
    by_keras = run(one, tmp_path / "b.db", engine="keras")
    by_kohort = run(race(blobs, SOME[:2], repeats=4, looks=2, epochs=1))
    assert by_keras.record.whole.trained.tolist() == by_kohort.record.whole.trained.tolist()


@pytest.mark.long
def test_streamed_data_race_with_the_same_bits_after_an_extension(blobs, tmp_path):
    options = {"memory": "15KB"}
    few, many = ({"repeats": n, "epochs": 2, "batch_size": 10} for n in (5, 7))
    run(race(blobs, SOME[:2], **few), tmp_path / "kohort.db", **options)
    grown = run(race(blobs, SOME, **many), tmp_path / "kohort.db", **options)
    assert numbers(grown) == numbers(run(race(blobs, SOME, **many), **options))


@pytest.mark.long
def test_the_store_shows_a_race(whole, blobs, tmp_path):
    run(race(blobs), tmp_path / "kohort.db")
    shown = command("show", "raced", cwd=tmp_path)
    assert shown.returncode == 0
    for sentence in whole.race_text():
        assert sentence in shown.stdout
    with open_store(tmp_path / "kohort.db") as store:
        members = store.study("raced").members()
    assert len(members) == whole.record.whole.trained.sum()
    assert all(member.finished for member in members)
    assert "Race(splits=Holdout(" in _settings_of(tmp_path)


def _settings_of(folder):
    with open_store(folder / "kohort.db") as store:
        return of_stored(store.study("raced")).settings["replicates"]


def test_one_that_is_back_lacks_what_it_missed(blobs, whole, monkeypatch):
    state, record = state_of(whole), whole.record
    lengths = np.zeros_like(record.whole.lengths)
    lengths[0, :6], lengths[1, :3] = 3, 3
    curves = replace(record.whole, lengths=lengths)
    record = replace(record, curves={**record.curves, 1.0: curves})
    back = replace(state, looks=state.looks[:1], open=(0, 1), ends=None)

    assert racing._missing(back, record) == {1: (3, 4, 5)}


@pytest.mark.long
def test_losses_before_training_are_measured_once_and_not_at_each_look(blobs, monkeypatch):
    measured = []

    def counted(spec, model, replicate, predictor):
        measured.append(replicate.number)
        return untrained_loss(spec, model, replicate, predictor)

    untrained_loss = recording.untrained_loss
    monkeypatch.setattr(recording, "untrained_loss", counted)
    rates = {"calm": 1e-2, "near": 9e-3, "steep": 30.0}
    variants = [kohort.Variant(n, build_mlp, learning_rate=rate) for n, rate in rates.items()]
    result = run(wild(blobs, 1, variants=variants, epochs=4))
    assert result.race()["verdict"]["steep"] == "diverged"
    assert len(result.race_text()) > 3, "it has several looks"
    later = [number for number in measured if number > 0]
    assert len(later) == len(set(later)) > 0
