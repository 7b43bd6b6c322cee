"""What stays of a study on the disk when it has ended, and what is trained again for it."""

import pytest

import kohort
from kohort.errors import DesignError
from kohort.evidence.store import files, open_store
from kohort.evidence.trials import kept_name
from kohort.runs.retention.retaining import wanted
from tests.cli.in_process import kohort as command
from tests.faults.studies import Death
from tests.runs.searches.searched import small, without_times
from tests.runs.test_racing import race
from tests.runs.test_resume import die_at, numbers, run, study, trained_epochs

__all__ = ["die_at"]

NAMES = ["plain", "dropout", "less dropout"]


def on_disk(place):
    """How many files of weights there are, and of checkpoints."""
    there = [path.name for path in place.with_suffix(".files").rglob("*.safetensors")]
    return [sum(name.startswith(kind) for name in there) for kind in ("member", "checkpoint")]


def kept_of(place, name="kept"):
    """The members whose weights the store has."""
    with open_store(place) as store:
        members = [m for m in store.study(name).members() if not m.key.is_refit]
        return {member.key[:2] for member in members if member.weights}


def wanted_of(result):
    return {(result.variants[v].name, r) for v, r in wanted(result.conclusions)}


@pytest.mark.long
@pytest.mark.parametrize(("keep", "files_there"), [(None, [4, 0]), ("all", [6, 2])])
def test_weights_of_all_members_stay_and_with_all_what_more_epochs_go_on_from(
    blobs, tmp_path, keep, files_there
):
    some = study(blobs, NAMES[:2], sizes={"plain": [0.5]})
    result = run(some, tmp_path / "kohort.db", keep=keep)
    assert on_disk(tmp_path / "kohort.db") == files_there, "parts of samples have no model to load"
    assert numbers(kohort.open(tmp_path / "kohort.db", "kept", blobs)) == numbers(result)
    assert numbers(result) == numbers(run(some))


@pytest.mark.long
def test_of_winners_stays_what_can_be_shipped(blobs, tmp_path, monkeypatch):
    place = tmp_path / "kohort.db"
    whole = run(study(blobs, NAMES))
    result = run(study(blobs, NAMES), place, keep="winners")
    assert kept_of(place) == wanted_of(whole) < {(name, r) for name in NAMES for r in range(2)}
    assert on_disk(place) == [len(kept_of(place)), 0]
    opened = kohort.open(place, "kept", blobs)
    assert opened.best().fingerprint == whole.best().fingerprint
    assert opened.best(cheapest=True).fingerprint == whole.best(cheapest=True).fingerprint
    assert len(opened.ensemble().members) == 2
    assert opened.test_text() == whole.test_text()
    assert opened.report(tmp_path / "report.html").exists()
    assert result.refit(verbose=0).fingerprint == whole.refit(verbose=0).fingerprint
    gone = sorted(set(whole.members) - wanted(whole.conclusions))[0]
    assert gone not in opened.members
    with pytest.raises(DesignError, match=r"weights of .* in replicate .*--keep final"):
        opened.members[gone]
    with pytest.raises(DesignError, match=r"got members\[9, 9\]"):
        opened.members[9, 9]
    with monkeypatch.context() as inside:
        seen = trained_epochs(inside)
        again = run(study(blobs, NAMES), place)
        assert not seen, "the study is kept as it was, and lacks nothing"
    assert kept_of(place) == wanted_of(whole)
    assert set(again.members) == wanted(whole.conclusions)


@pytest.mark.long
def test_what_was_dropped_is_trained_again_to_the_same_bits(blobs, tmp_path, capsys):
    place, whole = tmp_path / "kohort.db", run(study(blobs, NAMES))
    run(study(blobs, NAMES), place, keep="winners")
    lacking = 6 - len(kept_of(place))
    capsys.readouterr()
    result = study(blobs, NAMES).run(place, keep="final")
    assert f"{lacking} members are trained again" in capsys.readouterr().err
    assert numbers(result) == numbers(whole) == numbers(kohort.open(place, "kept", blobs))
    assert on_disk(place) == [6, 0]


@pytest.mark.long
def test_another_winner_than_before_is_trained_again(blobs, tmp_path, monkeypatch):
    place, whole = tmp_path / "kohort.db", run(study(blobs, NAMES))
    run(study(blobs, NAMES), place, keep="winners")
    dropped = {*whole.members} - wanted(whole.conclusions)
    monkeypatch.setattr("kohort.study.wanted", lambda _: dropped)
    result = run(study(blobs, NAMES), place)
    assert kept_of(place) == {(NAMES[v], r) for v, r in dropped}
    for place_of in dropped:
        assert result.members[place_of].fingerprint == whole.members[place_of].fingerprint
    assert numbers(result)[0] == numbers(whole)[0]


@pytest.mark.long
def test_more_epochs_begin_at_the_first_where_nothing_was_kept_to_go_on_from(
    blobs, tmp_path, monkeypatch, capsys
):
    run(study(blobs, NAMES[:2], epochs=2), tmp_path / "kohort.db")
    seen = trained_epochs(monkeypatch)
    longer = study(blobs, NAMES[:2], epochs=3).run(tmp_path / "kohort.db", keep="all")
    assert "from their first epoch: it was kept with keep='final'" in capsys.readouterr().err
    assert sum(seen) == 2 * 2 * 3
    assert numbers(longer) == numbers(run(study(blobs, NAMES[:2], epochs=3)))
    seen.clear()
    study(blobs, NAMES[:2], epochs=4).run(tmp_path / "kohort.db")
    assert sum(seen) == 2 * 2, "keep='all' goes on, and stays as it was"
    assert "first epoch" not in capsys.readouterr().err


@pytest.mark.long
def test_a_kill_between_rows_and_files_leaves_what_the_next_claim_removes(
    blobs, tmp_path, monkeypatch
):
    place, real = tmp_path / "kohort.db", files.remove

    def dies(path):
        if path.name.startswith("member"):
            raise Death
        real(path)

    with monkeypatch.context() as inside:
        inside.setattr(files, "remove", dies)
        with pytest.raises(Death):
            run(study(blobs, NAMES), place, keep="winners")
    named = kept_of(place)
    assert on_disk(place)[0] == 6 > len(named)
    result = run(study(blobs, NAMES), place)
    assert on_disk(place) == [len(named), 0]
    assert wanted_of(result) == named


@pytest.mark.long
@pytest.mark.parametrize("keep", ["winners", "final"])
def test_one_that_dies_at_any_write_keeps_what_it_would_have(blobs, tmp_path, die_at, keep):
    wanted_numbers, count = numbers(run(study(blobs, NAMES), keep=None)), die_at(None)
    whole = numbers(run(study(blobs, NAMES), tmp_path / "whole.db", keep=keep))
    total, there = count["count"], on_disk(tmp_path / "whole.db")
    assert whole[0] == wanted_numbers[0]
    for number in [*range(3, total - 7, 15), *range(total - 7, total + 1, 2)]:
        place = tmp_path / f"{number}.db"
        die_at(number, after=bool(number % 2))
        with pytest.raises(Death):
            run(study(blobs, NAMES), place, keep=keep)
        die_at(None)
        result = run(study(blobs, NAMES), place)
        assert numbers(result)[0] == whole[0]
        assert set(result.members) >= wanted(result.conclusions)
        assert on_disk(place) == there


@pytest.mark.long
def test_a_race_keeps_its_winners(blobs, tmp_path):
    place = tmp_path / "kohort.db"
    whole = run(race(blobs, ["plain", "slow", "dropout"]))
    run(race(blobs, ["plain", "slow", "dropout"]), place, keep="winners")
    assert kept_of(place, "raced") == wanted_of(whole)
    opened = kohort.open(place, "raced", blobs)
    assert opened.best().fingerprint == whole.best().fingerprint
    again = run(race(blobs, ["plain", "slow", "dropout"]), place, keep="final")
    assert numbers(again) == numbers(whole)


@pytest.mark.long
@pytest.mark.parametrize("keep", ["winners", "all"])
def test_a_search_keeps_states_for_more_epochs_only_if_asked(blobs, tmp_path, keep):
    place = tmp_path / "kohort.db"
    small(blobs, trials=6).run(place, verbose=0, confirm=2, keep=keep)
    with open_store(place) as store:
        states = store.study(kept_name("small")).checkpoints()
        proof = store.study("small").checkpoints()
    assert bool(states) == bool(proof) == (keep == "all")
    longer = small(blobs, trials=6, epochs=8).run(place, verbose=0, confirm=2)
    fresh = tmp_path / "fresh.db"
    small(blobs, trials=6).run(fresh, verbose=0, confirm=2, keep="all")
    other = small(blobs, trials=6, epochs=8).run(fresh, verbose=0, confirm=2)
    assert without_times(longer) == without_times(other)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"keep": "some"}, "keep in .*'winners', 'final', 'all'"),
        ({"keep": "all"}, "a store beside keep='all'"),
    ],
)
def test_what_is_no_way_to_keep_is_refused(blobs, options, match):
    with pytest.raises(DesignError, match=match):
        run(study(blobs, NAMES), **options)
    with pytest.raises(DesignError, match=match):
        small(blobs).run(**options)


@pytest.mark.long
def test_the_command_keeps_as_it_is_told(tmp_path):
    (tmp_path / "study.py").write_text(
        "import keras, kohort, numpy as np\n"
        "def build(units):\n"
        "    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units),\n"
        "                              keras.layers.Dense(1)])\n"
        "    model.compile('adam', 'mse')\n"
        "    return model\n"
        "x = np.random.default_rng(0).normal(size=(60, 3))\n"
        "data = kohort.Dataset(x[:50], x[:50, :1], x[50:], x[50:, :1])\n"
        "study = kohort.Study('s', kohort.grid(build, units=[1, 2, 3]), data, epochs=1,\n"
        "                     replicates=kohort.Holdout(0.2, repeats=2))\n"
    )
    done = command("run", "study.py", "--keep", "winners", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--keep winners" in (tmp_path / "study-report" / "report.html").read_text("utf-8")
    assert on_disk(tmp_path / "kohort.db")[0] < 6
