"""A search without a trial that trains: what it tried is told all the same."""

import keras
import pytest

from kohort import DesignError
from kohort.evidence.store import open_store
from kohort.evidence.trials import kept_name
from kohort.report.exports.export import export
from kohort.report.exports.study_export import of_stored
from tests.runs.searches.searched import build, small


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("learning_rate", "got 4 of which none does, down to learning_rate=1e+36; lower"),
        ("step", "got 4 of which none does; lower the learning rates, or scale inputs and targets"),
    ],
)
def test_a_search_of_which_all_trials_diverge_tells_them(blobs, tmp_path, name, told):
    def diverging(**given):
        model = build(4, 0.01, 0.1)
        model.compile(keras.optimizers.SGD(given[name]), "sparse_categorical_crossentropy")
        return model

    search = small(blobs, build=diverging, space={name: [1e36, 1e37, 3e37, 1e38]}, trials=4)
    for _ in "once", "and again, from what is kept":
        with pytest.raises(DesignError, match="a trial of 'small' that trains") as caught:
            search.run(tmp_path / "k.db", verbose=0)
        assert told in str(caught.value)
        assert set(search.trials()["state"]) == {"diverged"}
        with open_store(tmp_path / "k.db") as store:
            kept = store.study(kept_name("small"))
            runs, study = kept.runs(), of_stored(kept)
        assert runs[-1].outcome == "failed"
        assert [len(member.epochs) for member in study.members] == [1] * 4
        assert export(study, tmp_path / f"trials {len(runs)}", "optuna")


def test_why_all_trials_failed_is_told_trial_by_trial(blobs):
    def broken(units, rate, dropout):
        raise ValueError(f"no room for {rate:g}")

    search = small(blobs, build=broken, trials=2)
    with pytest.raises(DesignError):
        search.run(verbose=0)
    for _, trial in search.trials().iterrows():
        assert trial["reason"] == f"ValueError: no room for {trial['rate']:g}"
